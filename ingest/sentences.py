"""Where sentences end, in linear time and without losing a character."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.types import Span

MAX_SENTENCE = 1000
"""Longest sentence in characters; what is longer is cut at a clause, a space, or anywhere."""

_END = re.compile(
    r"""(?:[.!?…]+(?:["'”’»)\]]|\*\*|[_*])*(?=\s)   # a terminal, with closing quotes and brackets
       |[。！？]["'”’»）」』]*                        # which is followed by no space in some scripts
       )\s*""",
    re.VERBOSE,
)
_ABBREVIATIONS = set(
    """a.m adm al approx apr art aug ave bldg brig bros ca capt cf ch cmdr co col comdr corp cpl dec dept dr e.g
    ed eds eq esp est etc feb fig figs fr ft gen gov hon i.e inc jan jr jul jun lt ltd maj mar messrs mr mrs ms
    mt no nos nov oct op p par p.m pp prof rep rev sec sect sen sep sept sgt sr st supt univ v viz vol vols vs"""
    .split()
)  # fmt: skip
_OPENING = "\"'“‘«([{*_¿¡"
_ALWAYS_STARTS = frozenset(
    """a after all although an and as at but by each even few for given he her his however i if in indeed it its
    many moreover most nevertheless no now of on one our she since so some such that the their then there these
    they this those though through thus to today under until we what when where whether which while who why with
    yet you""".split()
)
_WORD = re.compile(r"[^\W\d_][\w’'-]*")
_LAST_TOKEN = re.compile(r"[\w.&’'-]+\Z")
_SOFT_CUTS = (re.compile(r"[;:]\s+"), re.compile(r",\s+"), re.compile(r"\s+"))


def split_sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield the sentences of `text[start:end]` in order, without surrounding white space.

    No sentence is longer than `MAX_SENTENCE`. Every character that is not white space is in one of them.
    """
    stop = len(text) if end is None else end
    at = start
    for match in _END.finditer(text, start, stop):
        if match.end() < stop and not _ends_sentence(text, at, match, stop):
            continue
        yield from _bounded(text, at, match.end())
        at = match.end()
    yield from _bounded(text, at, stop)


def _ends_sentence(text: str, start: int, match: re.Match[str], stop: int) -> bool:
    """Say whether the terminal at `match` ends the sentence that began at `start`."""
    mark = match.group().rstrip()
    if mark[0] in "。！？":
        return True
    following = match.end()
    while following < stop and text[following] in _OPENING:
        following += 1
    if following < stop and text[following].islower():
        return False
    if mark[0] != ".":
        return True
    token = _LAST_TOKEN.search(text, max(start, match.start() - 40), match.start())
    last = token.group() if token else ""
    word = _WORD.match(text, following, stop)
    if last.lower() in _ABBREVIATIONS or (len(last) == 1 and last.isupper()) or "." in last:
        if last.lower() in ("no", "art", "co", "mar", "sec") and not (
            following < stop and text[following].isdigit()
        ):
            return last.lower() not in ("co", "sec")
        return word is not None and word.group().lower() in _ALWAYS_STARTS and len(last) > 1
    return True


def _bounded(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield `start:end` without surrounding white space, in parts of at most `MAX_SENTENCE`."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > MAX_SENTENCE:
        cut = _soft_cut(text, start, start + MAX_SENTENCE)
        yield from _bounded(text, start, cut)
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield Span(start, end)


def _soft_cut(text: str, start: int, limit: int) -> int:
    """Return the last place before `limit`, in the second half, where a reader would pause."""
    middle = (start + limit) // 2
    for pattern in _SOFT_CUTS:
        cuts = [match.end() for match in pattern.finditer(text, middle, limit)]
        if cuts:
            return cuts[-1]
    return limit

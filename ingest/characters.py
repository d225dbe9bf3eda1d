"""Repairs inside a paragraph: characters nobody sees, ligatures, words that a line's end divided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ingest.draft import Draft, source_range
from ingest.pieces import cut
from ingest.words import WORD

_INVISIBLE = re.compile(
    "[\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08\x0e-\x1f\x7f]+"
)
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ft", "ﬆ": "st"}
_LINE_HYPHEN = re.compile("[-\u2010\xad][ \t]*[\r\n]")
_BREAK = re.compile("[\r\n]")
_DIVIDED = re.compile(r"([^\W\d_]{2,})([-\u2010\xad])( )([^\W\d_]{2,})")
HYPHEN = "a word was divided here"
_SUSPENDED = frozenset(
    ("and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o", "e", "as", "but", "nor")
)


_LAST_HALF = re.compile(r"([^\W\d_]{2,})([-\u2010\xad])\Z")
_FIRST_HALF = re.compile(r"[^\W\d_]{2,}")


def mend_characters(draft: Draft) -> None:
    """Leave out characters that nobody sees, read ligatures as letters, and close up divided words."""
    if _LINE_HYPHEN.search(draft.source):
        _close_up_lines(draft)
    if _INVISIBLE.search(draft.source):
        for i, text in enumerate(draft.texts):
            for match in reversed(list(_INVISIBLE.finditer(text))):
                _leave_out(draft, i, match.start(), match.end(), "a character that nobody sees")
    if _LIGATURE.search(draft.source):
        for i, text in enumerate(draft.texts):
            for match in reversed(list(_LIGATURE.finditer(text))):
                _read_as(draft, i, match.start(), _LIGATURES[match.group()])


def close_up_joins(draft: Draft) -> None:
    """Close up the words that an interruption divided, where a sentence was joined."""
    halves = {}
    for i, j in draft.following.items():
        first, second = _LAST_HALF.search(draft.texts[i][-60:]), _FIRST_HALF.match(draft.texts[j])
        if first and second and second.group()[0].islower() and second.group() not in _SUSPENDED:
            halves[i, j] = (first[1], second.group())
    if not halves:
        return
    words = _Words(draft.texts, list(halves.values()))
    for (i, j), (first_half, second_half) in halves.items():
        size = len(draft.texts[i])
        if not words.keep_hyphen(first_half, second_half):
            _leave_out(draft, i, size - 1, size, HYPHEN)
        draft.tight.add(j)


def _close_up_lines(draft: Draft) -> None:
    found = []
    for i, text in enumerate(draft.texts):
        if draft.blocks[i].kind != "code":
            for match in _DIVIDED.finditer(text):
                (space,) = cut(draft.blocks[i].pieces, match.start(3), match.end(3))[:1]
                if match[4] not in _SUSPENDED and _BREAK.search(draft.source, space.start, space.end):
                    found.append((i, match))
    words = _Words(draft.texts, [(match[1], match[4]) for _, match in found])
    for i, match in reversed(found):
        compound = match.string[max(match.start() - 1, 0)] in "-\u2010"  # over-the-counter
        keep = match[2] != "\xad" and (compound or words.keep_hyphen(match[1], match[4]))
        _leave_out(draft, i, match.start(3 if keep else 2), match.end(3), HYPHEN)


class _Words:
    """The words of a document, to tell a divided word from one that is written with a hyphen."""

    def __init__(self, texts: Sequence[str], halves: Sequence[tuple[str, str]]) -> None:
        wanted = {half.casefold() for pair in halves for half in pair}
        wanted |= {
            form.casefold() for first, second in halves for form in (first + second, f"{first}-{second}")
        }
        self._count: Counter[str] = Counter()
        for text in texts if halves else ():
            self._count.update(word for word in WORD.findall(text.casefold()) if word in wanted)
        self._count.subtract(half.casefold() for pair in halves for half in pair)

    def keep_hyphen(self, first: str, second: str) -> bool:
        """Say whether `first-second` is written so: as it is elsewhere, or because both are words."""
        first, second = first.casefold(), second.casefold()
        if self._count[first + second] > 0:
            return False
        return self._count[f"{first}-{second}"] > 0 or (self._count[first] > 0 and self._count[second] > 0)


def _leave_out(draft: Draft, i: int, start: int, end: int, reason: str) -> None:
    pieces, size = draft.blocks[i].pieces, len(draft.texts[i])
    gone = source_range(cut(pieces, start, end))
    marks = [piece for piece in cut(pieces, start, end) if piece.note]
    following = cut(pieces, end, size)
    draft.repiece(i, (*cut(pieces, 0, start), *marks, *following))
    draft.record("drop", gone, reason)


def _read_as(draft: Draft, i: int, at: int, text: str) -> None:
    pieces, size = draft.blocks[i].pieces, len(draft.texts[i])
    (letter,) = cut(pieces, at, at + 1)
    draft.repiece(i, (*cut(pieces, 0, at), replace(letter, text=text), *cut(pieces, at + 1, size)))

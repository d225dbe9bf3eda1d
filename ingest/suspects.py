"""Signs that a sentence is not as it was written, where nothing tells how it was."""

from __future__ import annotations

import re

from ingest.draft import Draft
from ingest.pieces import cut
from ingest.sentences import split_sentences

ENDS_INSIDE = "a sentence ends inside another one here"
BEGINS_INSIDE = "a sentence begins inside another one here"

_END_INSIDE = re.compile(r"\b([a-z]{4,})\. (?=[a-z]{2,}\b)")
_END = re.compile(r"\b[a-z]{4,}\. (?=[A-Z])")
_START_INSIDE = re.compile(r"(?<=[^\W\d_] )(?:He|She)(?= [a-z]{2,})")
_BARE = re.compile(r"\b[a-z]{4,}(?=[ ,;])")
_PAUSE = re.compile(r"[.:;!?,]\s")
_STYLE = 0.1


def mark_suspects(draft: Draft) -> None:
    """Mark sentences in which another ends, or begins."""
    signs = _ends_inside(draft)
    for i in draft.running():
        found = _START_INSIDE.finditer(draft.texts[i])
        signs += [(i, match.start(), BEGINS_INSIDE) for match in found if _breaks_a_name(match)]
    marked: set[tuple[int, int]] = set()
    for i, at, reason in signs:
        sentences = list(split_sentences(draft.texts[i]))
        first = next((k for k, span in enumerate(sentences) if at < span.end), len(sentences))
        after = first + (2 if reason == BEGINS_INSIDE else 1)  # what it interrupts goes on behind it
        for span in sentences[first:after]:
            if (i, span.start) not in marked:
                marked.add((i, span.start))
                draft.doubt(i, span.start, span.end, reason)


def _breaks_a_name(match: re.Match[str]) -> bool:
    """Say whether a pronoun stands, far into a sentence, right behind two words of a name."""
    clause = _PAUSE.split(match.string[max(match.start() - 200, 0) : match.start()])[-1].split()
    return len(clause) > 6 and all(word[0].isupper() and word.isalpha() for word in clause[-2:])


def _ends_inside(draft: Draft) -> list[tuple[int, int, str]]:
    """Return (block, offset, reason) of full stops, no abbreviations', that small letters follow."""
    found = [(i, match) for i in draft.running() for match in _END_INSIDE.finditer(draft.texts[i])]
    if not found:
        return []
    ends = sum(len(_END.findall(draft.texts[i])) for i in draft.running())
    if len(found) > max(_STYLE * ends, 1):
        return []
    wanted = {match[1] for _, match in found}
    words = {word for text in draft.texts for word in wanted.intersection(_BARE.findall(text))}
    return [
        (i, match.start(), ENDS_INSIDE)
        for i, match in found
        if match[1] in words and not _is_code(draft, i, match)
    ]


def _is_code(draft: Draft, i: int, match: re.Match[str]) -> bool:
    """Say whether the small letter behind `match` begins a piece of code."""
    start = cut(draft.blocks[i].pieces, match.end(), match.end() + 1)[0].start
    return draft.source[start - 1] == "`"

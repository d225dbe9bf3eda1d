"""Signs that a sentence is not as it was written, where nothing tells how it was."""

from __future__ import annotations

import re

from ingest.draft import Draft
from ingest.sentences import split_sentences

SCRAMBLED = "words of two lines or columns are mixed here"

_END_INSIDE = re.compile(r"\b([a-z]{4,})\. (?=[a-z]{2,}\b)")
_END = re.compile(r"\b[a-z]{4,}\. (?=[A-Z])")
_START_INSIDE = re.compile(r"(?<=[^\W\d_] )(?:He|She|They|We)(?= [a-z]{2,})")
_BARE = re.compile(r"\b[a-z]{4,}(?=[ ,;])")
_STYLE = 0.1


def mark_suspects(draft: Draft) -> None:
    """Mark sentences in which another ends, or begins."""
    signs = _ends_inside(draft)
    for i in draft.running():
        for match in _START_INSIDE.finditer(draft.texts[i]):
            signs.append((i, match.start(), 2))
    marked: set[tuple[int, int]] = set()
    for i, at, count in signs:
        sentences = list(split_sentences(draft.texts[i]))
        first = next((k for k, span in enumerate(sentences) if at < span.end), len(sentences))
        for span in sentences[first : first + count]:
            if (i, span.start) not in marked:
                marked.add((i, span.start))
                draft.doubt(i, span.start, span.end, SCRAMBLED)


def _ends_inside(draft: Draft) -> list[tuple[int, int, int]]:
    """Return (block, offset, sentences torn) of full stops, no abbreviations', that small letters follow."""
    found = [(i, match) for i in draft.running() for match in _END_INSIDE.finditer(draft.texts[i])]
    if not found:
        return []
    ends = sum(len(_END.findall(draft.texts[i])) for i in draft.running())
    if len(found) > max(_STYLE * ends, 1):
        return []
    wanted = {match[1] for _, match in found}
    words = {word for text in draft.texts for word in wanted.intersection(_BARE.findall(text))}
    return [(i, match.start(), 1) for i, match in found if match[1] in words]

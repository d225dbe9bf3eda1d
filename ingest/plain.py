"""Plain text to blocks: paragraphs as a person sees them, with the source place of every character."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.types import Block, Piece

LONG_LINE = 160
"""No hard-wrapped text has lines of this length: where one is longer, each line is a paragraph."""

_BLANK_LINES = re.compile(r"(?:\r\n?|\n)(?:[ \t\f\v]*(?:\r\n?|\n))+")
_LINE = re.compile(r"[^\r\n]+")
_HEADING = re.compile(r"(=(?: ?=){0,5})\s*([^=\s][^=]*?)\s*\1")
_SPACE = " \t\r\n\f\v\ufeff"


def read_plain(source: str) -> tuple[Block, ...]:
    """Return the paragraphs of plain text, parted by blank lines or, where lines are long, by line breaks.

    A line such as `== Title ==` is a heading.
    """
    blocks = []
    for start, end in _paragraphs(source):
        heading = (
            _HEADING.fullmatch(source, start, end)
            if source[start] == "=" and end - start <= LONG_LINE
            else None
        )
        if heading:
            pieces = (Piece(heading[2], heading.start(2), heading.end(2)),)
            blocks.append(Block("heading", start, end, pieces, level=heading[1].count("=")))
        else:
            blocks.append(Block("paragraph", start, end, tuple(unwrapped(source, start, end))))
    return tuple(blocks)


def unwrapped(source: str, start: int, end: int) -> Iterator[Piece]:
    """Yield the pieces of `source[start:end]`; a line break and the space around it read as one space."""
    at = start
    for line in _LINE.finditer(source, start, end):
        text = line.group().strip(_SPACE)
        if not text:
            continue
        low = line.start() + line.group().index(text)
        if at > start:
            yield Piece(" ", at, low)
        yield Piece(text, low, low + len(text))
        at = low + len(text)


def _paragraphs(source: str) -> Iterator[tuple[int, int]]:
    at = 0
    gaps = [match.span() for match in _BLANK_LINES.finditer(source)]
    for end, following in [*gaps, (len(source), len(source))]:
        lines = [line.span() for line in _LINE.finditer(source, at, end)]
        long = any(high - low > LONG_LINE for low, high in lines)
        spans = lines if long else [(at, end)]
        for low, high in spans:
            text = source[low:high]
            start = low + len(text) - len(text.lstrip(_SPACE))
            stop = low + len(text.rstrip(_SPACE))
            if start < stop:
                yield start, stop
        at = following

"""Plain text to blocks."""

from __future__ import annotations

import re

from ingest.types import Block, Piece

_BLANK_LINE = re.compile(r"\r?\n[ \t]*(?:\r?\n|\Z)")
# Not from within a run of blanks, or a long run without a line break would be tried from each of its blanks.
_LINE_BREAK = re.compile(r"(?:(?<![ \t])[ \t]+)?\r?\n[ \t]*")


def read_plain(source: str) -> tuple[Block, ...]:
    """Return the paragraphs of plain text: what blank lines part, with single line breaks read as spaces."""
    blocks = []
    at = 0
    gaps = [match.span() for match in _BLANK_LINE.finditer(source)]
    for end, following in [*gaps, (len(source), len(source))]:
        text = source[at:end]
        start = at + len(text) - len(text.lstrip("\ufeff \t\r\n\f\v"))
        stop = start + len(source[start:end].rstrip())
        if start < stop:
            blocks.append(Block("paragraph", start, stop, _unwrapped(source, start, stop)))
        at = following
    return tuple(blocks)


def _unwrapped(source: str, start: int, end: int) -> tuple[Piece, ...]:
    pieces = []
    at = start
    for match in _LINE_BREAK.finditer(source, start, end):
        if match.start() > at:
            pieces.append(Piece(source[at : match.start()], at, match.start()))
        pieces.append(Piece(" ", match.start(), match.end()))
        at = match.end()
    return (*pieces, Piece(source[at:end], at, end))

"""From the blocks of a document to its reading text."""

from __future__ import annotations

from ingest.reading import Reading
from ingest.types import Document, Piece, Section

BLOCK_BREAK = "\n\n"


def repair(document: Document) -> Reading:
    """Return the reading text of `document`: its blocks in source order, a blank line between them."""
    pieces: list[Piece] = []
    sections: list[Section] = []
    headings: list[tuple[int, str]] = []
    at = 0
    for block in document.blocks:
        text = block.text
        if not text.strip():
            continue
        if pieces:
            pieces.append(Piece(BLOCK_BREAK, block.start, block.start))
            at += len(BLOCK_BREAK)
        if block.kind in ("title", "heading"):
            headings = [heading for heading in headings if heading[0] < block.level]
            headings.append((block.level, text))
        path = tuple(title for _, title in headings)
        sections.append(Section(block.kind, at, at + len(text), path, block.page, block.label))
        pieces.extend(block.pieces)
        at += len(text)
    return Reading.of(pieces, sections)

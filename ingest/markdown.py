"""Markdown to blocks, with the source place of every character (CommonMark by pulldown-cmark)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyromark

from ingest.types import Block, BlockKind, Piece

_OPTIONS = (
    pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_YAML_STYLE_METADATA_BLOCKS
)
_LEAVES: dict[str, BlockKind] = {
    "Paragraph": "paragraph",
    "Heading": "heading",
    "CodeBlock": "code",
    "HtmlBlock": "paragraph",
    "TableHead": "table_row",
    "TableRow": "table_row",
    "MetadataBlock": "front_matter",
}
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^>]*>", re.DOTALL)
_NOTE_MARK = re.compile(r"\d{1,3}(?:\s*,\s*\d{1,3})*")


def read_markdown(source: str) -> tuple[Block, ...]:
    """Return the blocks of Markdown `source` in source order. Linear in the length of `source`."""
    builder = _Builder(source)
    at = _code_points(source)
    for event, place in pyromark.Markdown(options=_OPTIONS).events_with_range(source):
        builder.feed(event, at(place["start"]), at(place["end"]))
    return tuple(builder.blocks)


def _code_points(source: str) -> Callable[[int], int]:
    """Return the function from UTF-8 byte offsets to code point offsets in `source`."""
    if source.isascii():
        return int
    data = np.frombuffer(source.encode("utf-8"), np.uint8)
    offsets = np.zeros(len(data) + 1, np.int64)
    np.cumsum((data & 0xC0) != 0x80, out=offsets[1:])
    # offsets[b] counts the characters that start before byte b
    return lambda byte: int(offsets[byte])


class _Builder:
    """Collects the pieces of the innermost leaf block; containers only set its kind, level and label."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.blocks: list[Block] = []
        self.pieces: list[Piece] = []
        self.kind: BlockKind = "paragraph"
        self.level = 0
        self.start = self.end = 0
        self.containers: list[tuple[str, str | None]] = []
        self.superscript: list[Piece] | None = None

    def feed(self, event: Any, start: int, end: int) -> None:
        name, value = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        if name == "Start":
            self._open(*_tag(value), start, end)
        elif name == "End":
            self._close(_tag(value)[0])
        elif name in ("Text", "Code"):
            self._text(str(value), start, end)
        elif name in ("SoftBreak", "HardBreak"):
            self._add(Piece(" ", start, end))
        elif name == "Html":
            self._html(start, end)
        elif name == "InlineHtml":
            self._inline_html(str(value).lower())

    def _open(self, tag: str, value: Any, start: int, end: int) -> None:
        if tag in ("Item", "BlockQuote", "FootnoteDefinition"):
            self._flush()
            self.containers.append((tag, str(value) if tag == "FootnoteDefinition" else None))
            self.kind, self.start, self.end = "paragraph", start, end
        elif tag in _LEAVES:
            self._flush()
            self.kind, self.start, self.end = _LEAVES[tag], start, end
            self.level = int(str(value["level"])[1:]) if tag == "Heading" else 0
        elif tag == "TableCell" and self.pieces:
            self._add(Piece(" | ", start, start))
        elif tag == "List":
            self._flush()

    def _close(self, tag: str) -> None:
        if tag in _LEAVES or tag in ("Item", "BlockQuote", "FootnoteDefinition"):
            self._flush()
        if self.containers and self.containers[-1][0] == tag:
            self.containers.pop()

    def _text(self, text: str, start: int, end: int) -> None:
        if len(text) != end - start:  # inline code carries its fence; anything else is an entity
            inner = self.source.find(text, start, end)
            if inner >= 0:
                start, end = inner, inner + len(text)
        self._add(Piece(text, start, end))

    def _html(self, start: int, end: int) -> None:
        at = start
        for tag in _TAG.finditer(self.source, start, end):
            self._add(Piece(self.source[at : tag.start()], at, tag.start()))
            at = tag.end()
        self._add(Piece(self.source[at:end], at, end))

    def _inline_html(self, tag: str) -> None:
        if tag == "<sup>":
            self.superscript = []
        elif tag == "</sup>" and self.superscript is not None:
            held, self.superscript = self.superscript, None
            if not _NOTE_MARK.fullmatch("".join(piece.text for piece in held)):
                self.pieces.extend(held)

    def _add(self, piece: Piece) -> None:
        if piece.text:
            (self.pieces if self.superscript is None else self.superscript).append(piece)

    def _flush(self) -> None:
        """Close the block under construction, if it holds any text."""
        self.pieces.extend(self.superscript or ())
        self.superscript = None
        pieces, self.pieces = _trimmed(self.pieces), []
        if not pieces:
            return
        kind, level, label = self.kind, self.level, None
        for depth, (container, name) in enumerate(self.containers, start=1):
            if container == "FootnoteDefinition":
                kind, label = "note", name
            elif kind in ("paragraph", "list_item"):
                kind = "list_item" if container == "Item" else "quote"
                level = depth
        start = min(self.start, pieces[0].start)
        self.blocks.append(Block(kind, start, max(self.end, pieces[-1].end), pieces, level, None, label))
        self.kind, self.level, self.start = "paragraph", 0, pieces[-1].end


def _tag(value: Any) -> tuple[str, Any]:
    """Return name and value of a tag, which is a name alone or a name with a value."""
    return next(iter(value.items())) if isinstance(value, dict) else (value, None)


def _trimmed(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Return `pieces` without leading and trailing white space."""
    kept = list(pieces)
    while kept and not kept[-1].text.strip():
        kept.pop()
    while kept and not kept[0].text.strip():
        kept.pop(0)
    if kept:
        kept[-1] = _cut(kept[-1], 0, len(kept[-1].text.rstrip()))
        kept[0] = _cut(kept[0], len(kept[0].text) - len(kept[0].text.lstrip()), len(kept[0].text))
    return tuple(kept)


def _cut(piece: Piece, start: int, end: int) -> Piece:
    if (start, end) == (0, len(piece.text)) or len(piece.text) != piece.end - piece.start:
        return piece
    return Piece(piece.text[start:end], piece.start + start, piece.start + end, piece.quality)

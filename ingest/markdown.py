"""Markdown to blocks, with the source place of every character (CommonMark by pulldown-cmark)."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyromark

from ingest.plain import unwrapped
from ingest.tables import Cell, table_blocks
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
    "MetadataBlock": "front_matter",
}
_CONTAINERS = ("Item", "BlockQuote", "FootnoteDefinition")
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)|</?[a-z!?][^<>]*>", re.DOTALL | re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_LABELS = re.compile(r"\s*(?:\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*|[*†‡§¶]{1,3}|[a-z])\s*")
_LABEL = re.compile(r"\d{1,3}|[*†‡§¶]{1,3}|[a-z]")
# `<sup>3</sup>` with its first bracket escaped: once, or by a converter that took the `&` for a note mark.
_BROKEN_MARK = re.compile(
    r"(?:<sup>&(?:amp;)?</sup>lt;|&lt;)sup(?:>|&gt;)\s*(\d{1,3})\s*(?:<|&lt;)/sup(?:>|&gt;)", re.IGNORECASE
)


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
    offsets = np.zeros(len(data) + 1, np.uint32)
    np.cumsum((data & 0xC0) != 0x80, out=offsets[1:], dtype=np.uint32)
    # offsets[b] counts the characters that start before byte b
    return lambda byte: int(offsets[byte])


class _Builder:
    """Collects the pieces of the innermost leaf block; containers only set its kind, level and label."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.blocks: list[Block] = []
        self.pieces: list[Piece] = []
        self.urls: list[str] = []
        self.kind: BlockKind = "paragraph"
        self.level = 0
        self.start = self.end = 0
        self.containers: list[tuple[str, str | None]] = []
        self.superscript: list[Piece] | None = None
        self.rows: list[list[Cell]] = []
        self.broken_marks = list(_BROKEN_MARK.finditer(source))
        self.broken_starts = [mark.start() for mark in self.broken_marks]

    def feed(self, event: Any, start: int, end: int) -> None:
        name, value = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        if name == "Start":
            self._open(*_tag(value), start, end)
        elif name == "End":
            self._close(_tag(value)[0], start, end)
        elif name == "Text":
            self._add(Piece(str(value), start, end))
        elif name == "Code":
            self._code(str(value), start, end)
        elif name in ("SoftBreak", "HardBreak"):
            self._add(Piece(" ", start, end))
        elif name == "InlineHtml":
            self._inline_html(str(value).lower(), start, end)
        elif name == "FootnoteReference":
            self.pieces.append(Piece("", start, end, note=str(value)))

    def _open(self, tag: str, value: Any, start: int, end: int) -> None:
        if tag in _CONTAINERS:
            self._flush()
            self.containers.append((tag, str(value) if tag == "FootnoteDefinition" else None))
            self.kind, self.start, self.end = "paragraph", start, end
        elif tag in _LEAVES:
            self._flush()
            self.kind, self.start, self.end = _LEAVES[tag], start, end
            self.level = int(str(value["level"])[1:]) if tag == "Heading" else 0
        elif tag in ("TableHead", "TableRow"):
            self.start, self.end = start, end
            self.rows.append([])
        elif tag == "List":
            self._flush()
        elif tag == "Link":
            self.urls.append(str(value["dest_url"]))

    def _close(self, tag: str, start: int, end: int) -> None:
        if tag == "HtmlBlock":
            self.pieces.extend(_html_pieces(self.source, start, end))
        if tag in _LEAVES or tag in _CONTAINERS:
            self._flush()
        elif tag == "TableCell":
            column = len(self.rows[-1])
            self.rows[-1].append(Cell(self._collected(), column, column, head=len(self.rows) == 1))
        elif tag == "Table":
            self.blocks += table_blocks(self.rows)
            self.rows = []
        if self.containers and self.containers[-1][0] == tag:
            self.containers.pop()

    def _code(self, text: str, start: int, end: int) -> None:
        inner = self.source.find(text, start, end)  # without its fence
        self._add(Piece(text, inner, inner + len(text)) if inner >= 0 else Piece(text, start, end))

    def _inline_html(self, tag: str, start: int, end: int) -> None:
        if tag == "<sup>":
            self.superscript = []
        elif tag == "</sup>" and self.superscript is not None:
            held, self.superscript = self.superscript, None
            self.pieces.extend(_superscript(held))
        elif tag.startswith("<br"):
            self._add(Piece(" ", start, end))

    def _add(self, piece: Piece) -> None:
        if piece.text:
            (self.pieces if self.superscript is None else self.superscript).append(piece)

    def _flush(self) -> None:
        """Close the block under construction, if it holds any text."""
        pieces = self._collected()
        if not any(piece.text for piece in pieces):
            return
        kind, level, label = self.kind, self.level, None
        for depth, (container, name) in enumerate(self.containers, start=1):
            if container == "FootnoteDefinition":
                kind, label = "note", name
            elif kind in ("paragraph", "list_item"):
                kind = "list_item" if container == "Item" else "quote"
                level = depth
        start = min(self.start, pieces[0].start)
        shown = "".join(piece.text for piece in pieces) if self.urls else ""
        urls, self.urls = tuple(url for url in self.urls if url not in shown), []
        self.blocks.append(
            Block(kind, start, max(self.end, pieces[-1].end), pieces, level, None, label, urls)
        )
        self.kind, self.level, self.start = "paragraph", 0, pieces[-1].end

    def _collected(self) -> tuple[Piece, ...]:
        """Return the pieces of the block or cell under construction, which begins anew."""
        self.pieces.extend(self.superscript or ())
        self.superscript = None
        pieces, self.pieces = tuple(_merged(_trimmed(self._mended(self.pieces)))), []
        return pieces

    def _mended(self, pieces: list[Piece]) -> list[Piece]:
        """Put a mark in place of the pieces of each broken mark that starts in this block."""
        if not pieces or not self.broken_marks:
            return pieces
        first = bisect_left(self.broken_starts, self.start)
        marks = self.broken_marks[first : bisect_left(self.broken_starts, pieces[-1].end)]
        mended: list[Piece] = []
        rest = iter(pieces)
        piece = next(rest, None)
        for mark in marks:
            while piece and piece.end <= mark.start():
                mended.append(piece)
                piece = next(rest, None)
            mended.append(Piece("", mark.start(1), mark.end(1), note=mark[1]))
            while piece and piece.end <= mark.end():
                piece = next(rest, None)
            if piece and piece.start < mark.end():
                piece = _cut(piece, mark.end() - piece.start, len(piece.text))
        return [*mended, *([piece] if piece else ()), *rest]


def _html_pieces(source: str, start: int, end: int) -> Iterator[Piece]:
    """Yield the text of a block of HTML: tags, comments and scripts out, entities read."""
    at = start
    for markup in [*_MARKUP.finditer(source, start, end), None]:
        stop = markup.start() if markup else end
        for piece in unwrapped_between(source, at, stop):
            yield from _entities_read(piece)
        at = markup.end() if markup else end


def unwrapped_between(source: str, start: int, end: int) -> Iterator[Piece]:
    """Yield the pieces of `source[start:end]` as `unwrapped` does, with the space before and after them."""
    pieces = list(unwrapped(source, start, end))
    low, high = (pieces[0].start, pieces[-1].end) if pieces else (end, end)
    if start < low:
        yield Piece(" ", start, low)
    yield from pieces
    if high < end:
        yield Piece(" ", high, end)


def _entities_read(piece: Piece) -> Iterator[Piece]:
    at = 0
    for entity in _ENTITY.finditer(piece.text):
        yield _cut(piece, at, entity.start())
        low = piece.start + entity.start()
        yield Piece(html.unescape(entity.group()), low, low + len(entity.group()))
        at = entity.end()
    yield _cut(piece, at, len(piece.text))


def _superscript(held: list[Piece]) -> Iterable[Piece]:
    """Return the note marks that the pieces of a superscript hold, or the pieces where it is not of marks."""
    if not _LABELS.fullmatch("".join(piece.text for piece in held)):
        return held
    return [
        Piece("", piece.start + label.start(), piece.start + label.end(), note=label.group())
        for piece in held
        for label in _LABEL.finditer(piece.text)
    ]


def _tag(value: Any) -> tuple[str, Any]:
    """Return name and value of a tag, which is a name alone or a name with a value."""
    return next(iter(value.items())) if isinstance(value, dict) else (value, None)


def _trimmed(pieces: list[Piece]) -> list[Piece]:
    """Return `pieces` without leading and trailing white space."""
    low, high = 0, len(pieces)
    while high > low and not pieces[high - 1].text.strip() and not pieces[high - 1].note:
        high -= 1
    while low < high and not pieces[low].text.strip() and not pieces[low].note:
        low += 1
    kept = pieces[low:high]
    if kept:
        kept[-1] = _cut(kept[-1], 0, len(kept[-1].text.rstrip()))
        kept[0] = _cut(kept[0], len(kept[0].text) - len(kept[0].text.lstrip()), len(kept[0].text))
    return kept


def _merged(pieces: list[Piece]) -> Iterator[Piece]:
    """Yield `pieces`, those that follow each other in step with the source as one."""
    run: list[Piece] = []
    for piece in pieces:
        if run and not (piece.start == run[-1].end and _in_step(piece) and _in_step(run[-1])):
            yield _one(run)
            run = []
        run.append(piece)
    if run:
        yield _one(run)


def _one(run: list[Piece]) -> Piece:
    return run[0] if len(run) == 1 else Piece("".join([p.text for p in run]), run[0].start, run[-1].end)


def _in_step(piece: Piece) -> bool:
    return piece.note is None and len(piece.text) == piece.end - piece.start


def _cut(piece: Piece, start: int, end: int) -> Piece:
    if (start, end) == (0, len(piece.text)) or not _in_step(piece):
        return piece
    return Piece(piece.text[start:end], piece.start + start, piece.start + end, piece.quality)

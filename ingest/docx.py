"""DOCX to text and blocks: paragraphs, headings, lists, tables and notes (ECMA-376, WordprocessingML)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.content import Content, Limits
from ingest.docxpackage import Package
from ingest.docxstyles import Styles, number
from ingest.errors import ExtractionLimitError
from ingest.marks import note_marks
from ingest.tables import TableBuilder
from ingest.types import Block, BlockKind, Piece

_CHARACTERS = {
    "tab": "\t",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "\u2011",
    "softHyphen": "\u00ad",
    "ptab": "\t",
}
_UNREAD = frozenset(["del", "moveFrom", "Fallback", "instrText", "delText", "rubyPr"])
_SPACES = re.compile(r"[ \t\n]{2,}|[\t\n]")


def read_docx(data: bytes, name: str, limits: Limits) -> Content:
    """Return the text of a DOCX file, a line a paragraph, cells parted by tabs, its notes at the end.

    Raises `UnreadableError`, `EncryptedError` and `ExtractionLimitError`.
    """
    package = Package(data, name, limits)
    main = package.related("").get("officeDocument", ["word/document.xml"])[0]
    parts = package.related(main)
    styles = Styles()
    for part in parts.get("styles", []):
        package.parse(part, styles.start, styles.end)
    writer = _Writer(name, limits)
    body = _Body(writer, styles)
    package.parse(main, body.start, body.end, body.text)
    for kind in ("footnotes", "endnotes"):
        wanted = {identity: label for (where, identity), label in body.notes.items() if where == kind}
        notes = _Body(writer, styles, wanted)
        for part in parts.get(kind, []):
            package.parse(part, notes.start, notes.end, notes.text)
    return writer.content()


class _Writer:
    """The extracted text and its blocks."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.most = limits.characters
        self.parts: list[str] = []
        self.length = 0
        self.blocks: list[Block] = []

    def write(self, text: str) -> tuple[int, int]:
        """Append `text` to the source; return where it stands."""
        start = self.length
        self.length += len(text)
        if self.length > self.most:
            raise ExtractionLimitError(
                f"{self.name!r} holds more than {self.most} characters of text. Split it"
            )
        self.parts.append(text)
        return start, self.length

    def content(self) -> Content:
        return Content("".join(self.parts), tuple(self.blocks))


@dataclass(slots=True)
class _Paragraph:
    pieces: list[Piece] = field(default_factory=list)
    raised: list[Piece] = field(default_factory=list)
    style: str = ""
    level: int | None = None
    outline: int | None = None
    numbered: bool | None = None

    def add(self, piece: Piece, raised: bool) -> None:
        if raised:
            self.raised.append(piece)
        else:
            self.settle()
            self.pieces.append(piece)

    def settle(self) -> None:
        """Make note marks of what was raised, where it has their form."""
        self.pieces.extend(note_marks(self.raised) or self.raised)
        self.raised = []


class _Body:
    """Writes the paragraphs and tables of a part; `wanted` are the ids and labels of notes to write."""

    def __init__(self, writer: _Writer, styles: Styles, wanted: dict[str, str] | None = None) -> None:
        self.writer = writer
        self.styles = styles
        self.wanted = wanted
        self.label: str | None = None
        self.notes: dict[tuple[str, str], str] = {}
        self.unread = 0
        self.paragraph: _Paragraph | None = None
        self.tables: list[TableBuilder] = []
        self.cell: list[Piece] = []
        self.in_text = self.in_stops = self.raised = self.hidden = False
        self.across, self.continues = 1, False
        self.box = 0  # depth in a text box, which is read after the paragraph that holds it
        self.boxed: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.unread or tag.removeprefix("*") in _UNREAD:
            self.unread += 1
        elif self.box or (tag == "txbxContent" and self.paragraph):
            self.box += 1
            self.boxed.append((self.start, (tag, attributes)))
        elif tag in ("footnote", "endnote"):
            self.label = (self.wanted or {}).get(attributes.get("id", ""))
            self.unread = int(self.label is None)
        elif tag == "p":
            self.paragraph = _Paragraph()
            if self.cell:
                self.writer.write("\n")
        elif tag in ("t", "math:t"):
            self.in_text = True
        elif tag in _CHARACTERS and not self.in_stops:
            self._write(_CHARACTERS[tag])
        elif tag in ("footnoteReference", "endnoteReference"):
            self._mark(tag.removesuffix("Reference") + "s", attributes.get("id", ""))
        elif tag in ("tbl", "tr", "tc"):
            self._start_table(tag)
        else:
            self._property(tag, attributes.get("val", ""))

    def _property(self, tag: str, value: str) -> None:
        paragraph = self.paragraph or _Paragraph()
        on = value not in ("0", "false", "none", "off")
        if tag == "tabs":
            self.in_stops = True  # tab stops are also called "tab"
        elif tag == "pStyle":
            paragraph.style = value
        elif tag == "outlineLvl":
            paragraph.outline = number(value)
        elif tag == "ilvl":
            paragraph.level = number(value)
        elif tag == "numId":
            paragraph.numbered = value != "0"
        elif tag == "vertAlign":
            self.raised = value == "superscript"
        elif tag == "vanish":
            self.hidden = on
        elif tag == "gridSpan":
            self.across = number(value) or 1
        elif tag == "vMerge":
            self.continues = value != "restart"
        elif tag == "tblHeader" and self.tables:
            self.tables[-1].in_head = on

    def end(self, tag: str) -> None:
        if self.unread:
            self.unread -= 1
        elif self.box:
            self.box -= 1
            self.boxed.append((self.end, (tag,)))
        elif tag in ("t", "math:t"):
            self.in_text = False
        elif tag == "tabs":
            self.in_stops = False
        elif tag == "r":
            self.raised = self.hidden = False
        elif tag == "p" and self.paragraph:
            self._end_paragraph(self.paragraph)
        elif tag == "tc" and self.tables:
            self._end_cell(self.tables[-1])
        elif tag == "tr" and self.tables:
            self.tables[-1].in_head = False
            self.writer.write("\n")
        elif tag == "tbl" and self.tables:
            self.writer.blocks.extend(self.tables.pop().blocks())

    def text(self, text: str) -> None:
        if self.box and not self.unread:
            self.boxed.append((self.text, (text,)))
        elif self.in_text and not self.unread:
            self._write(text)

    def _write(self, text: str) -> None:
        if self.paragraph is None or self.hidden:
            return
        start, end = self.writer.write(text)
        at = 0
        for space in _SPACES.finditer(text):
            if space.start() > at:
                self.paragraph.add(
                    Piece(text[at : space.start()], start + at, start + space.start()), self.raised
                )
            self.paragraph.add(Piece(" ", start + space.start(), start + space.end()), self.raised)
            at = space.end()
        if at < len(text):
            self.paragraph.add(Piece(text[at:], start + at, end), self.raised)

    def _mark(self, kind: str, identity: str) -> None:
        """Write the mark of a note as "[1]": notes are numbered in the order in which they are mentioned."""
        if self.paragraph is None or self.wanted is not None:
            return
        if (kind, identity) not in self.notes:
            count = sum(where == kind for where, _ in self.notes) + 1
            self.notes[kind, identity] = str(count) if kind == "footnotes" else _roman(count)
        label = self.notes[kind, identity]
        self.paragraph.add(Piece("", *self.writer.write(f"[{label}]"), note=label), raised=False)

    def _start_table(self, tag: str) -> None:
        if tag == "tbl":
            if self.tables:
                self._loosen(self.tables[-1])
            self.tables.append(TableBuilder())
        elif tag == "tr" and self.tables:
            self.tables[-1].start_row()
        elif self.tables:
            self.cell, self.across, self.continues = [], 1, False
            self.tables[-1].in_cell = True

    def _end_cell(self, table: TableBuilder) -> None:
        if table.is_layout:
            return
        if self.continues and not self.cell:
            table.repeat_cell(self.across)
        else:
            table.start_cell(self.across)
            table.end_cell(tuple(self.cell))
        self.cell = []
        self.writer.write("\t")

    def _loosen(self, table: TableBuilder) -> None:
        """Give up on a table that holds more than values: its cells are paragraphs."""
        table.is_layout = True
        self.writer.blocks.extend(table.loosen())
        if self.cell:
            start, end = self.cell[0].start, self.cell[-1].end
            self.writer.blocks.append(Block("paragraph", start, end, tuple(self.cell)))
            self.cell = []

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        self.paragraph = None
        paragraph.settle()
        pieces = paragraph.pieces
        kind, level = self._kind(paragraph)
        table = self.tables[-1] if self.tables else None
        if table and kind in ("heading", "title") and not table.is_layout:
            self._loosen(table)
        if table and table.in_cell and not table.is_layout:
            if pieces and self.cell:
                self.cell.append(Piece(" ", self.cell[-1].end, pieces[0].start))
            self.cell.extend(pieces)
            return self._read_boxes()
        if any(piece.text.strip() for piece in pieces):
            start, end = pieces[0].start, pieces[-1].end
            self.writer.blocks.append(Block(kind, start, end, tuple(pieces), level, None, self.label))
        self.writer.write("\n")
        return self._read_boxes()

    def _read_boxes(self) -> None:
        boxed, self.boxed = self.boxed, []
        for method, arguments in boxed:
            method(*arguments)

    def _kind(self, paragraph: _Paragraph) -> tuple[BlockKind, int]:
        if self.label is not None:
            return "note", 0
        kind, level = self.styles.kind(paragraph.style)
        if kind in ("heading", "title"):
            return kind, level
        if paragraph.outline is not None and paragraph.outline < 9:
            return "heading", min(paragraph.outline + 1, 6)
        if paragraph.numbered or (kind == "list_item" and paragraph.numbered is None):
            return "list_item", (paragraph.level or 0) + 1
        return ("paragraph", 0) if kind == "list_item" else (kind, level)


def _roman(count: int) -> str:
    digits = (
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    )
    text = ""
    for value, digit in digits:
        text += digit * (count // value)
        count %= value
    return text

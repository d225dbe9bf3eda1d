"""From the lines of a PDF to blocks: paragraphs, headings, list items, notes and table rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest.marks import note_marks
from ingest.pdflayout import Line
from ingest.pdftables import BULLET, LABEL, Cells, place_cells, split_cells, table_zones
from ingest.pdfwriter import Writer
from ingest.tables import Cell, Row, table_blocks
from ingest.types import BlockKind, Piece

_NEW_SIZE = 0.08  # a line this much larger or smaller than the one before begins a block
_HEADING_SIZE = 1.12  # of the body's
_COMMON = 0.15  # of the characters of the running text: the largest size that holds as many is the body's
_HEADING_CHARACTERS = 200
_ENDS_SENTENCE = re.compile(r"[.!?:;”\"')\]]$")
_RULE = re.compile(r"[_\-–—=.·•*~ ]{5,}")
_HEADING_LINES = 4
_NOTE = re.compile(r"[(\[]?(\d{1,3}|[*†‡§]{1,3})[)\]]?(?![\d.,%])")
_STUB_CHARACTERS = 120

Style = tuple[float, bool, bool]


@dataclass(frozen=True, slots=True)
class Body:
    """How the running text of a document is set, and the styles of its headings from the highest down."""

    size: float
    bold: bool
    headings: tuple[Style, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """The lines of one column, split into cells, and the ranges of them that are tables."""

    rows: Sequence[Cells]
    tables: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Stream:
        """Find the tables among `lines`."""
        rows = [split_cells(line) for line in lines]
        return cls(rows, table_zones(rows))

    def stretches(self) -> Iterator[tuple[bool, Sequence[Cells]]]:
        """Yield the stretches of text and of tables in turn, and whether each is a table."""
        at = 0
        for start, end in self.tables:
            yield False, self.rows[at:start]
            yield True, self.rows[start:end]
            at = end
        yield False, self.rows[at:]


def body_of(streams: Sequence[Stream]) -> Body:
    """Return how most of the running text is set, and which other styles head it."""
    text = [row.line for stream in streams for table, rows in stream.stretches() if not table for row in rows]
    counts: Counter[tuple[float, bool]] = Counter()
    for line in text or [row.line for stream in streams for row in stream.rows]:
        counts[_rounded(line.size), _is_bold(line)] += len(line.text)
    if not counts:
        return Body(10.0, bold=False)
    total = sum(counts.values())
    size = max(
        size for (size, _), count in counts.items() if count >= min(_COMMON * total, max(counts.values()))
    )
    body = Body(size, bold=counts[size, True] > counts[size, False])
    styles = {_style(line) for line in text if _may_head(line, body)}
    return replace(body, headings=tuple(sorted(styles, reverse=True)))


def write_stream(writer: Writer, stream: Stream, body: Body) -> None:
    """Write the lines of one column, block by block."""
    for table, rows in stream.stretches():
        if table:
            _write_table(writer, rows)
        else:
            _write_text(writer, [row.line for row in rows], body)


def _write_text(writer: Writer, lines: Sequence[Line], body: Body) -> None:
    if not lines:
        return
    right = max(line.x1 for line in lines)
    leading = _leading(lines)
    block: list[Line] = []
    for line in lines:
        if block:
            as_heading = not _list_start(block[0]) and _may_head(line, body) != _may_head(block[-1], body)
            if as_heading or _begins(block, line, leading.get(_rounded(line.size), 0.0), right):
                _write_block(writer, block, body)
                block = []
        block.append(line)
    _write_block(writer, block, body)


def _begins(block: Sequence[Line], line: Line, leading: float, right: float) -> bool:
    """Say whether `line` begins a block, after those of `block`."""
    last, first = block[-1], block[0]
    step = line.y - last.y
    if step > 1.25 * max(leading, 1.1 * line.size) or step < -line.size:
        return True
    if abs(line.size - last.size) > _NEW_SIZE * last.size or _is_bold(line) != _is_bold(last):
        return True
    if _RULE.fullmatch(line.text) or _RULE.fullmatch(last.text) or _list_start(line):
        return True
    if line.words[0].raised and note_marks([Piece(line.words[0].text, 0, len(line.words[0].text))]):
        return True
    ended = bool(_ENDS_SENTENCE.search(last.text))
    short = last.x1 < right - 0.2 * (right - min(last.x0, line.x0))
    indented = line.x0 - last.x0 > 0.8 * line.size and (len(block) > 1 or ended) and not _list_start(first)
    return (ended and short and not line.text[:1].islower()) or (indented and ended)


def _write_block(writer: Writer, lines: Sequence[Line], body: Body) -> None:
    first = lines[0].words[0]
    text = " ".join(line.text for line in lines)
    note = _NOTE.match(first.text)
    if _RULE.fullmatch(text):
        writer.block("furniture", writer.lines(lines))
    elif _is_heading(lines, text, body):
        level = min(body.headings.index(_style(lines[0])) + 1, 6) if _style(lines[0]) in body.headings else 6
        writer.block("heading", writer.lines(lines), level)
    elif note and len(text) > note.end() and (first.raised or (writer.page, note[1]) in writer.called):
        writer.block("note", _after(writer.lines(lines), note.end()), label=note[1])
    elif BULLET.fullmatch(first.text) and len(lines[0].words) > 1:
        writer.block("list_item", _after(writer.lines(lines), len(first.text)), 1)
    else:
        kind: BlockKind = "list_item" if _list_start(lines[0]) else "paragraph"
        writer.block(kind, writer.lines(lines), int(kind == "list_item"))


def _is_heading(lines: Sequence[Line], text: str, body: Body) -> bool:
    return (
        len(lines) <= _HEADING_LINES
        and len(text) <= _HEADING_CHARACTERS
        and all(_may_head(line, body) for line in lines)
        and not text.endswith((".", ";", ","))
    )


def _after(pieces: Sequence[Piece], characters: int) -> tuple[Piece, ...]:
    """Return `pieces` without their first `characters` and the space behind those."""
    start = pieces[0].start + characters
    kept: list[Piece] = []
    for whole in pieces:
        piece = whole
        if piece.end <= start:
            continue
        if piece.start < start and not piece.note:
            piece = replace(piece, text=piece.text[start - piece.start :], start=start)
        if not kept:
            blank = len(piece.text) - len(piece.text.lstrip())
            piece = replace(piece, text=piece.text[blank:], start=piece.start + blank)
        if piece.text or piece.note:
            kept.append(piece)
    return tuple(kept)


def _write_table(writer: Writer, rows: Sequence[Cells]) -> None:
    """Write a table: a line a row, its cells parted by tabs.

    What heads the labels ("in millions", "Year ended") says what the values are: it is said behind each label.
    """
    place_cells(rows)
    table: list[Row] = []
    stub: list[Cell] = []
    group: tuple[float, Cell] | None = None
    pending: tuple[Piece, ...] = ()
    for row in rows:
        cells = _write_row(writer, row)
        label = cells[0] if row.columns[0] == (0, 0) else None
        if row.is_head:
            if label and len(cells) > 1 and len(label.text) <= _STUB_CHARACTERS:
                stub.append(Cell(_lent(label.pieces), 0, -1))
        elif label and len(cells) == 1:
            if label.text.endswith(":"):
                group = row.line.x0, label
            elif _is_wrapped(row, rows):
                pending = label.pieces
                continue
        elif label:
            if pending:
                space = Piece(" ", pending[-1].end, label.pieces[0].start)
                cells[0] = replace(label, pieces=(*pending, space, *label.pieces))
            elif group and row.line.x0 > group[0] + 1:
                cells[0] = replace(label, pieces=_under(group[1].pieces, label.pieces))
            else:
                group = None
            cells[1:1] = stub
        else:
            cells[0:0] = stub
        pending = ()
        table.append(cells)
    writer.blocks.extend(table_blocks(table, writer.page))
    writer.write("\n")


def _write_row(writer: Writer, row: Cells) -> list[Cell]:
    cells: list[Cell] = []
    for cell, (first, last) in zip(row.cells, row.columns, strict=True):
        if cells:
            writer.write("\t")
        heads_labels = row.is_head and (first, last) == (0, 0)
        cells.append(Cell(writer.words(cell), first, -1 if heads_labels else last, row.is_head))
    writer.write("\n")
    return cells


def _is_wrapped(row: Cells, rows: Sequence[Cells]) -> bool:
    """Say whether the label of a row goes on in the next, in which its values stand."""
    following = next((after for before, after in pairwise(rows) if before is row), None)
    return following is not None and len(following.cells) > 1 and following.line.words[0].text[:1].islower()


def _lent(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return `pieces` for use in another row than their own."""
    return tuple(replace(piece, quality="joined") for piece in pieces if piece.text)


def _under(group: Sequence[Piece], label: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the label of a row behind that of the group it belongs to."""
    lead = _lent(group)
    at = lead[-1].end
    return (*lead, Piece(" ", at, at), replace(label[0], quality="joined"), *label[1:])


def _list_start(line: Line) -> bool:
    first = line.words[0].text
    return (
        len(line.words) > 1
        and not line.words[0].raised
        and bool(BULLET.fullmatch(first) or LABEL.fullmatch(first))
    )


def _leading(lines: Sequence[Line]) -> dict[float, float]:
    """Return the usual step from line to line, for each size."""
    steps: dict[float, Counter[float]] = {}
    for before, after in pairwise(lines):
        if 0 < after.y - before.y < 3 * before.size and _rounded(after.size) == _rounded(before.size):
            steps.setdefault(_rounded(after.size), Counter())[round(after.y - before.y, 1)] += 1
    return {size: counts.most_common(1)[0][0] for size, counts in steps.items()}


def _may_head(line: Line, body: Body) -> bool:
    """Say whether `line` is set as a heading is: larger, or bold or capitals where the text is not."""
    text = line.text
    if _list_start(line):
        return bool(LABEL.fullmatch(line.words[0].text)) and line.size >= _HEADING_SIZE * body.size
    letters = [character for character in text if character.isalpha()]
    if len(letters) < 3 or len(text) > _HEADING_CHARACTERS or _RULE.fullmatch(text):
        return False
    if line.size >= _HEADING_SIZE * body.size:
        return True
    bold = _is_bold(line) and not body.bold
    capitals = len(letters) > 5 and "".join(letters).isupper()
    return (bold or capitals) if line.size >= 0.95 * body.size else (bold and capitals)


def _style(line: Line) -> Style:
    text = line.text
    return _rounded(line.size), _is_bold(line), text.isupper()


def _is_bold(line: Line) -> bool:
    bold = sum(len(word.text) for word in line.words if word.bold)
    return 2 * bold > sum(len(word.text) for word in line.words)


def _rounded(size: float) -> float:
    return round(2 * size) / 2

"""Table rows as a person would read them aloud: each value after the heads of its column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest.types import Block, Piece

_HEAD_CHARACTERS = 120  # a longer head would drown the value it stands for
_HEAD_ROWS = 4
_COLUMNS = 100  # the widest span that is believed
_ROWS = 1000
_LENT_CHARACTERS = 200
_VALUE = re.compile(r"\d|^[-–—%$€£]+$")
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell: its pieces, the columns `first` to `last` (inclusive) that it covers, whether it is a head."""

    pieces: tuple[Piece, ...]
    first: int
    last: int
    head: bool = False

    @property
    def text(self) -> str:
        """The reading text of the cell."""
        return "".join(piece.text for piece in self.pieces).strip()


Row = Sequence[Cell]


def table_blocks(rows: Sequence[Row], page: int | None = None) -> list[Block]:
    """Return one `table_row` block for each of `rows`: "label; head: value; head: value".

    The head's pieces point to the head cell, wherever it stands; both they and the value after them carry
    the quality `joined`, so that no span runs from one into the other. Head rows stand first, as
    themselves. Empty rows are left out.
    """
    rows = [[cell for cell in row if cell.text] for row in rows]
    rows = [row for row in rows if row]
    split = _head_rows(rows)
    blocks = [_block(row, {}, page) for row in rows[:split]]
    heads: dict[int, list[Cell]] = {}
    for row in rows[:split]:
        for cell in row:
            for column in range(cell.first, cell.last + 1):
                heads.setdefault(column, []).append(cell)
    return blocks + [_block(row, heads, page) for row in rows[split:]]


def _head_rows(rows: Sequence[Row]) -> int:
    """Return how many of the first rows are heads: marked as such or, failing that, rows without values."""
    if len(rows) < 2:
        return 0
    marked = 0
    while marked < len(rows) and all(cell.head for cell in rows[marked]):
        marked += 1
    if marked:
        return marked if marked < len(rows) and marked <= 2 * _HEAD_ROWS else 0
    if any(cell.head for row in rows for cell in row):  # heads of rows: "label | value"
        return 0
    first = next((i for i, row in enumerate(rows) if any(_is_value(cell.text) for cell in row[-1:])), 0)
    return first if first <= _HEAD_ROWS else 0


def _is_value(text: str) -> bool:
    """Say whether `text` is a figure; years and dates head columns."""
    letters = sum(character.isalpha() for character in text)
    return bool(_VALUE.search(text)) and letters <= 3 and not _YEAR.fullmatch(text)


def _block(row: Row, heads: dict[int, list[Cell]], page: int | None) -> Block:
    pieces: list[Piece] = []
    for cell in row:
        if pieces:
            end = pieces[-1].end
            pieces.append(Piece("; " if heads else " | ", end, end))
        lead: list[Piece] = []
        for head in _heads_of(cell, heads):
            if lead:
                lead.append(Piece(" ", lead[-1].end, lead[-1].end))
            lead.extend(replace(piece, quality="joined") for piece in head.pieces if piece.text)
        if lead:
            lead.append(Piece(": ", lead[-1].end, lead[-1].end))
            pieces.extend(lead)
            pieces.append(replace(cell.pieces[0], quality="joined"))
            pieces.extend(cell.pieces[1:])
        else:
            pieces.extend(cell.pieces)
    own = [piece for cell in row for piece in cell.pieces]
    own = [piece for piece in own if piece.quality != "joined"] or own  # not what a row-spanning cell lends
    start, end = min(piece.start for piece in own), max(piece.end for piece in own)
    return Block("table_row", start, end, tuple(pieces), page=page)


def _heads_of(cell: Cell, heads: dict[int, list[Cell]]) -> list[Cell]:
    """Return the heads over `cell`, top down, or none where they are too long to be said each time."""
    found: list[Cell] = []
    for column in range(cell.first, cell.last + 1):
        found.extend(head for head in heads.get(column, ()) if not any(head is it for it in found))
    return found if sum(len(head.text) for head in found) <= _HEAD_CHARACTERS else []


@dataclass(slots=True)
class TableBuilder:
    """Finished rows, the row and cell under construction, and cells that reach into the rows below.

    A table that holds headings, lists or other tables is there for the layout: its cells are paragraphs.
    """

    rows: list[list[Cell]] = field(default_factory=list)
    below: dict[int, tuple[int, Cell]] = field(default_factory=dict)
    in_head: bool = False
    in_cell: bool = False
    is_layout: bool = False
    _cell: tuple[int, int, bool] = (1, 1, False)
    _taken: set[int] = field(default_factory=set)  # columns of the current row, by cells from above
    _next: int = 0

    def start_row(self) -> None:
        """Begin a row with the cells that reach into it from above."""
        row: list[Cell] = []
        self._taken, self._next = set(self.below), 0
        for column, (left, cell) in sorted(self.below.items()):
            if cell.first == column:
                row.append(cell)
            if left > 1:
                self.below[column] = left - 1, cell
            else:
                del self.below[column]
        self.rows.append(row)

    def start_cell(self, across: int = 1, down: int = 1, head: bool = False) -> None:
        """Begin a cell of the current row that spans `across` columns and `down` rows."""
        if not self.rows:
            self.start_row()
        self.in_cell = True
        self._cell = min(max(across, 1), _COLUMNS), min(max(down, 1), _ROWS), head or self.in_head

    def end_cell(self, pieces: tuple[Piece, ...]) -> None:
        """Put the cell that holds `pieces` into the first free columns of the row."""
        if not self.in_cell:
            return
        self.in_cell = False
        across, down, head = self._cell
        while self._next in self._taken:
            self._next += 1
        first, self._next = self._next, self._next + across
        cell = Cell(pieces, first, first + across - 1, head)
        self.rows[-1].append(cell)
        if down > 1 and len(cell.text) <= _LENT_CHARACTERS:
            lent = replace(cell, pieces=tuple(replace(piece, quality="joined") for piece in pieces))
            for column in range(first, first + across):
                self.below[column] = down - 1, lent

    def repeat_cell(self, across: int = 1) -> None:
        """Put in a cell that continues the one above it, as formats do that mark this cell by cell."""
        self.start_cell(across)
        above = self.rows[-2] if len(self.rows) > 1 else []
        found = next((cell for cell in above if cell.first == self._next), None)
        lent: tuple[Piece, ...] = ()
        if found and len(found.text) <= _LENT_CHARACTERS:
            lent = tuple(replace(piece, quality="joined") for piece in found.pieces)
        self.end_cell(lent)

    def loosen(self) -> list[Block]:
        """Take out what was read of a table that turned out to be layout: its cells as paragraphs."""
        self.in_cell = False
        cells = [
            cell for row in self.rows for cell in row if cell.text and cell.pieces[0].quality != "joined"
        ]
        self.rows, self.below = [], {}
        return [Block("paragraph", c.pieces[0].start, c.pieces[-1].end, c.pieces) for c in cells]

    def blocks(self) -> list[Block]:
        """Return the finished table, a block a row."""
        return self.loosen() if self.is_layout else table_blocks([sorted(r, key=_first) for r in self.rows])


def _first(cell: Cell) -> int:
    return cell.first

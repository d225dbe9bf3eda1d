"""Tables on a PDF page: which lines are rows, where their columns stand, which rows head them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingest.pdflayout import Line
from ingest.pdfwords import Word

_CELL_GAP = 1.0  # em
_VALUE_GAP = 0.45  # em, between two figures, which do not follow each other in a sentence
_LABELS = 4  # lines without values that may stand between two rows
_ALIGNED = 4.0  # points
_SENTENCE = 0.7  # of the width of the page: no label is as long
_CENTRED = 0.12  # of the width of the columns it heads: how far from their middle a head may stand
_FIGURE = re.compile(r"[($€£¥]*[-–—+]?[$€£¥]?\d[\d.,]*[%)x]*|[-–—]|[($€£¥]+|[%)]+")
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_YEAR = re.compile(r"(?:19|20)\d\d\W?")
_OPENS = re.compile(r"[($€£¥]+")
_CLOSES = re.compile(r"[%)]+")
LEADER = re.compile(r"[.·…_]{4,}|[.·…]")
BULLET = re.compile(r"[•●▪■◦‣∙·○□➢➤✓\uf0b7\uf0a7*o–—-]")
LABEL = re.compile(r"\(?(?:\d{1,2}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\d{1,2}(?:\.\d{1,2})+\.?")


@dataclass(slots=True)
class Cells:
    """A line with its cells; `columns` are those that each cell covers, from 0, where the labels stand."""

    line: Line
    cells: list[list[Word]]
    columns: list[tuple[int, int]] = field(default_factory=list)
    is_head: bool = False

    @property
    def has_values(self) -> bool:
        """Whether it holds figures (other than years) behind its first cell."""
        return any(_is_value(cell) for cell in self.cells[1:])


def split_cells(line: Line) -> Cells:
    """Return the cells of `line`, parted where it has gaps that no sentence has."""
    cells: list[list[Word]] = []
    size = line.size
    for word in line.words:
        last = cells[-1][-1] if cells else None
        gap = (word.x0 - last.x1) / size if last else 0.0
        figures = last is not None and _is_figure(word) and _is_figure(last)
        leads = last is not None and bool(LEADER.fullmatch(last.text)) and len(last.text) > 3
        if last is None or gap > _CELL_GAP or (figures and gap > _VALUE_GAP) or (leads and _is_figure(word)):
            cells.append([word])
        else:
            cells[-1].append(word)
    return Cells(line, _with_signs(cells))


def is_table_line(cells: Cells) -> bool:
    """Say whether a line has cells; a list item with its bullet or number set apart has none."""
    if len(cells.cells) == 2:
        first = " ".join(word.text for word in cells.cells[0])
        if BULLET.fullmatch(first) or (LABEL.fullmatch(first) and not _is_value(cells.cells[1])):
            return False
    return len(cells.cells) > 1


def table_zones(lines: Sequence[Cells]) -> list[tuple[int, int]]:
    """Return the ranges of `lines` that are tables: rows whose cells stand in line, and the labels between."""
    zones: list[tuple[int, int]] = []
    if not lines:
        return zones
    width = max(row.line.x1 for row in lines) - min(row.line.x0 for row in lines)
    i = 0
    while i < len(lines):
        if not is_table_line(lines[i]):
            i += 1
            continue
        end = last = i
        while end + 1 < len(lines) and _goes_on(lines, last, end + 1, width):
            end += 1
            if is_table_line(lines[end]):
                last = end
        first = i
        while first > 0 and (not zones or zones[-1][1] < first):
            wrapped = first == i and _wraps(lines[i - 1], lines[i])
            if not wrapped and not _heads(lines[first - 1], lines[i : last + 1]):
                break
            first -= 1
        if _is_table(lines[i : last + 1]):
            zones.append((first, last + 1))
        i = last + 1
    return zones


def place_cells(rows: Sequence[Cells]) -> None:
    """Tell the columns of the cells of a table and which of its first rows are heads.

    A head covers the columns it stands over; where that is in doubt it covers none, (0, -1): better no head
    than a wrong one.
    """
    columns = _columns(rows)
    first = next((i for i, row in enumerate(rows) if row.has_values), 0)
    for row in rows[first:]:
        row.columns = [_covered(cell, columns, i == 0) for i, cell in enumerate(row.cells)]
    for row in rows[:first]:
        row.is_head = True
        row.columns = _headed(row.cells, columns)
    while first and len(rows[first - 1].cells) == 1 and rows[first - 1].columns == [(0, 0)]:
        first -= 1  # the first label of the table
        rows[first].is_head = False


def _goes_on(lines: Sequence[Cells], last: int, i: int, width: float) -> bool:
    """Say whether line `i` may belong to a table whose last row so far is line `last`."""
    line = lines[i].line
    step = line.y - lines[i - 1].line.y
    if step > 4 * max(line.size, lines[i - 1].line.size) or step < 0 or i - last > _LABELS:
        return False
    if is_table_line(lines[i]):
        return True
    wrapped = i + 1 < len(lines) and _wraps(lines[i], lines[i + 1])
    if line.x1 - line.x0 > _SENTENCE * width and not wrapped:
        return False
    return any(is_table_line(row) for row in lines[i + 1 : last + 1 + _LABELS])


def _wraps(line: Cells, row: Cells) -> bool:
    """Say whether `line` is the beginning of a label that goes on in `row`, the next, with its values."""
    close = row.line.y - line.line.y < 1.6 * line.line.size
    return len(line.cells) == 1 and close and len(row.cells) > 1 and row.line.words[0].text[:1].islower()


def _heads(line: Cells, rows: Sequence[Cells]) -> bool:
    """Say whether a line of one cell stands over the columns of `rows`, and not over the whole table."""
    if len(line.cells) != 1 or rows[0].line.y - line.line.y > 2.5 * line.line.size:
        return False
    columns = _columns(rows)
    if len(columns) < 2 or line.line.x0 < columns[0][0] - 2 * line.line.size:
        return False
    middle = _middle(line.cells[0])
    whole = min(row.line.x0 for row in rows) + max(row.line.x1 for row in rows)
    return abs(middle - (columns[0][0] + columns[-1][1]) / 2) < abs(middle - whole / 2)


def _is_table(rows: Sequence[Cells]) -> bool:
    tabular = [row for row in rows if is_table_line(row)]
    valued = [row for row in tabular if row.has_values]
    if len(valued) == 1:
        return len(valued[0].cells) > 2 or len(tabular) > 1
    if valued:
        return _in_line(valued)
    return len(tabular) >= 3 and _in_line(tabular)


def _in_line(rows: Sequence[Cells]) -> bool:
    """Say whether some column of `rows`, other than the first, has its cells left, right or centred in line."""
    for edge in (_left, _right, _middle):
        places = sorted(edge(cell) for row in rows for cell in row.cells[1:])
        if any(after - before <= _ALIGNED for before, after in pairwise(places)):
            return True
    return False


def _columns(rows: Sequence[Cells]) -> list[tuple[float, float]]:
    """Return where the columns stand, from left to right, without that of the labels."""
    valued = [row for row in rows if row.has_values]
    spans = [
        (_left(cell), _right(cell))
        for row in valued or rows
        for i, cell in enumerate(row.cells)
        if (_is_value(cell) if valued else i > 0)
    ]
    columns: list[tuple[float, float]] = []
    for left, right in sorted(spans):
        if columns and left <= columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _covered(cell: Sequence[Word], columns: Sequence[tuple[float, float]], is_first: bool) -> tuple[int, int]:
    """Return the columns that a cell stands in; the first of a row is its label unless it is a figure."""
    left, right = _left(cell), _right(cell)
    found = [i for i, (low, high) in enumerate(columns, start=1) if left <= high and right >= low]
    if is_first and not _is_value(cell) and (not found or left < columns[0][0] - 2 * cell[0].size):
        return 0, 0
    if not found:
        middle = (left + right) / 2
        nearest = min(range(len(columns)), key=lambda i: abs(sum(columns[i]) / 2 - middle), default=0) + 1
        return nearest, nearest
    return found[0], found[-1]


def _headed(heads: Sequence[Sequence[Word]], columns: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Return the columns under each of a row of heads."""
    over = [i for i, cell in enumerate(heads) if columns and _middle(cell) >= columns[0][0]]
    places = [(0, 0)] * len(heads)
    share, rest = divmod(len(columns), len(over)) if over else (0, 1)
    equal = [(n * share + 1, n * share + share) for n in range(len(over))]
    if rest == 0 and all(_is_over(heads[i], columns, place) for i, place in zip(over, equal, strict=True)):
        own = equal
    else:
        own = [_beneath(heads[i], columns) for i in over]
    for i, place in zip(over, own, strict=True):
        places[i] = place
    return places


def _is_over(head: Sequence[Word], columns: Sequence[tuple[float, float]], place: tuple[int, int]) -> bool:
    """Say whether `head` stands over the middle of the columns of `place`, or over the one of them."""
    low, high = columns[place[0] - 1][0], columns[place[1] - 1][1]
    if place[0] == place[1]:
        return _left(head) <= high and _right(head) >= low
    return abs(_middle(head) - (low + high) / 2) <= _CENTRED * (high - low)


def _beneath(head: Sequence[Word], columns: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """Return the columns whose middle is under `head`, or the one that is around its middle."""
    left, right, middle = _left(head), _right(head), _middle(head)
    found = [i for i, (low, high) in enumerate(columns, start=1) if left <= (low + high) / 2 <= right]
    found = found or [i for i, (low, high) in enumerate(columns, start=1) if low <= middle <= high]
    return (found[0], found[-1]) if found else (0, -1)


def _with_signs(cells: list[list[Word]]) -> list[list[Word]]:
    """Join currency signs and opening brackets to the cell behind them, closing ones to the cell before."""
    joined: list[list[Word]] = []
    for cell in cells:
        last = joined[-1] if joined else None
        if last and (
            (len(last) == 1 and _OPENS.fullmatch(last[0].text))
            or (len(cell) == 1 and _CLOSES.fullmatch(cell[0].text))
            or all(word.raised for word in cell)
        ):
            last.extend(cell)
        else:
            joined.append(cell)
    return joined


def _is_figure(word: Word) -> bool:
    return bool(_FIGURE.fullmatch(word.text)) and not word.raised


def _is_value(cell: Sequence[Word]) -> bool:
    text = " ".join(word.text for word in cell if not word.raised)
    if _YEAR.fullmatch(text) or not text or text[0].isalpha():
        return False
    return not _TWO_LETTERS.search(text) and (
        any(c.isdigit() for c in text) or all(_is_figure(w) for w in cell)
    )


def _left(cell: Sequence[Word]) -> float:
    return cell[0].x0


def _right(cell: Sequence[Word]) -> float:
    return cell[-1].x1


def _middle(cell: Sequence[Word]) -> float:
    return (cell[0].x0 + cell[-1].x1) / 2

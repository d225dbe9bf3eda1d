"""From the words of a page to its lines in reading order: columns one after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.pdfwords import Word

_BIN = 2.0  # points
_LEAST_ROWS = 4  # of a column
_SAME_BASELINE = 0.3  # em
_MAX_DEPTH = 8
_LETTERS = 0.7  # of the characters of running text
_NESTED = 2  # columns beside those that a gutter parts
_NUMBER = re.compile(r"[(\[]?\d{1,2}(?:,\d{1,2})*[)\]]?")


@dataclass(slots=True)
class Line:
    """Words on one baseline, from left to right."""

    words: list[Word]
    y: float

    @property
    def x0(self) -> float:
        return self.words[0].x0

    @property
    def x1(self) -> float:
        return max(word.x1 for word in self.words)

    @property
    def size(self) -> float:
        """The size of most of its characters."""
        return max((word for word in self.words if not word.raised), key=_length, default=self.words[0]).size

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def page_lines(words: Sequence[Word]) -> list[Line]:
    """Return the lines of `words`, top down; raised and lowered words stand on the line they belong to."""
    rows: list[Line] = []
    for word in sorted(words, key=lambda word: word.y):
        row = rows[-1] if rows else None
        if row and word.y - row.y <= _SAME_BASELINE * min(word.size, row.words[0].size):
            row.words.append(word)
        else:
            rows.append(Line([word], word.y))
    _attach_raised(rows)
    rows = [row for row in rows if row.words]
    for row in rows:
        row.words.sort(key=lambda word: word.x0)
    return rows


def _attach_raised(rows: list[Line]) -> None:
    """Move small words beside a larger one to its line, and say which of them are raised."""
    largest = [max(word.size for word in row.words) for row in rows]
    for i, row in enumerate(rows):
        near = [j for j in range(max(i - 2, 0), min(i + 3, len(rows))) if _is_near(rows, largest, i, j)]
        for word in list(row.words) if near else ():
            for j in near:
                if j == i and 1.18 * word.size > largest[i]:
                    continue
                host = next((host for host in rows[j].words if _hosts(host, word)), None)
                if host is not None:
                    word.raised = word.y < host.y - 0.1 * host.size
                    if j != i:
                        row.words.remove(word)
                        rows[j].words.append(word)
                    break


def _is_near(rows: Sequence[Line], largest: Sequence[float], i: int, j: int) -> bool:
    """Say whether a word of row `i` may belong to one of row `j`."""
    if i == j:
        return min(word.size for word in rows[i].words) * 1.18 <= largest[i]
    return bool(rows[j].words) and abs(rows[i].y - rows[j].y) <= 0.75 * largest[j]


def _hosts(host: Word, word: Word) -> bool:
    """Say whether `word` is set small beside `host`, or is a number set high beside it."""
    rise = (host.y - word.y) / host.size
    small = host.size >= 1.18 * word.size and abs(rise) <= 0.7
    high = 0.25 <= rise <= 0.75 and host.size >= word.size and bool(_NUMBER.fullmatch(word.text))
    if not (small or high) or host is word:
        return False
    after, before = word.x0 - host.x1, host.x0 - word.x1
    return -0.15 * host.size <= after <= 0.4 * host.size or -0.15 * host.size <= before <= 0.4 * host.size


def reading_order(rows: list[Line], depth: int = 0) -> list[list[Line]]:
    """Return `rows` as streams of lines: what stands in columns is read column by column."""
    gutter = _gutter(rows) if depth < _MAX_DEPTH else None
    if gutter is None:
        return [rows] if rows else []
    first, last, x = gutter
    left, right = _split(rows[first:last], x)
    return [
        *reading_order(rows[:first], depth + 1),
        *reading_order(left, depth + 1),
        *reading_order(right, depth + 1),
        *reading_order(rows[last:], depth + 1),
    ]


def _split(rows: Sequence[Line], x: float) -> tuple[list[Line], list[Line]]:
    left, right = [], []
    for row in rows:
        before = [word for word in row.words if word.x0 < x]
        after = [word for word in row.words if word.x0 >= x]
        left += [Line(before, row.y)] if before else []
        right += [Line(after, row.y)] if after else []
    return left, right


def _gutter(rows: Sequence[Line], nested: int = 0) -> tuple[int, int, float] | None:
    """Return the rows `first:last` that a vertical gutter at x parts into two columns of prose, or more."""
    if len(rows) < _LEAST_ROWS:
        return None
    low, high = min(row.x0 for row in rows), max(row.x1 for row in rows)
    size = float(np.median([row.size for row in rows]))
    window = max(4, round(0.8 * size / _BIN))
    bins = min(int((high - low) / _BIN) + 1, 5000)
    if bins <= 2 * window:
        return None
    covered = np.zeros((len(rows), bins + 1), np.int32)  # how many bins before each are inked
    for i, row in enumerate(rows):
        for word in row.words:
            covered[i, int((word.x0 - low) / _BIN) + 1 : int((word.x1 - low) / _BIN) + 2] = 1
    np.cumsum(covered, axis=1, out=covered)
    before, after = covered[:, :-window], covered[:, window:]
    clear = before == after
    has_left, has_right = before > 0, covered[:, -1:] > after
    enough = ((clear & has_left).sum(0) >= _LEAST_ROWS) & ((clear & has_right).sum(0) >= _LEAST_ROWS)
    found: dict[tuple[int, int, int], list[int]] = {}
    runs: dict[bytes, list[tuple[int, int]]] = {}  # neighbouring places are mostly clear in the same rows
    for x in np.flatnonzero(enough):
        column = clear[:, x]
        key = column.tobytes()
        if key not in runs:
            runs[key] = _runs(column)
        for first, last in runs[key]:
            score = min(int(has_left[first:last, x].sum()), int(has_right[first:last, x].sum()))
            if score >= _LEAST_ROWS:
                found.setdefault((score, first, last), []).append(int(x))
    for (_, first, last), places in sorted(found.items(), reverse=True)[:6]:
        middle = low + _BIN * (places[len(places) // 2] + window / 2)
        if all(_is_prose(side, nested) for side in _split(rows[first:last], middle)):
            return first, last, middle
    return None


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the long enough ranges of consecutive true flags."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(start, end) for start, end in runs if end - start >= _LEAST_ROWS]


def _is_prose(rows: Sequence[Line], nested: int) -> bool:
    """Say whether `rows` are a column of running text, or several, and not of a table."""
    if len(rows) < _LEAST_ROWS:
        return False
    text = "".join(word.text for row in rows for word in row.words)
    if sum(character.isalpha() for character in text) < _LETTERS * len(text):
        return False
    left, right = min(row.x0 for row in rows), max(row.x1 for row in rows)
    full = sum(row.x1 - row.x0 >= 0.6 * (right - left) for row in rows)
    words = sum(len(row.words) for row in rows)
    if full >= 0.5 * len(rows) and words >= 3 * len(rows):
        return True
    return nested < _NESTED and _gutter(rows, nested + 1) is not None


def _length(word: Word) -> int:
    return len(word.text)

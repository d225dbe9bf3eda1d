"""Where on a page the characters of a source text stand."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.types import Span

_COLUMNS = 7


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page: `page` counts from 1, the rest are points (1/72 inch) from its top left."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, eq=False)
class Boxes:
    """The page boxes of a source text, a word each.

    `words` has one row a word, in source order: source start, source end, page, x0, y0, x1, y1 (int32; the
    places in tenths of a point from the top left). `sizes` has one row a page: width, height (same unit).
    """

    words: NDArray[np.int32] = field(repr=False)
    sizes: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        if self.words.ndim != 2 or self.words.shape[1] != _COLUMNS:
            raise ValueError(f"word boxes have {_COLUMNS} columns, these have shape {self.words.shape}")
        if self.sizes.ndim != 2 or self.sizes.shape[1] != 2:
            raise ValueError(f"page sizes have 2 columns, these have shape {self.sizes.shape}")

    def of(self, span: Span) -> tuple[Box, ...]:
        """Return the boxes that hold the characters of `span`, one for each line it touches."""
        starts, ends = self.words[:, 0], self.words[:, 1]
        first = int(np.searchsorted(ends, span.start, side="right"))
        last = int(np.searchsorted(starts, span.end, side="left"))
        lines: list[list[float]] = []
        for start, end, page, x0, y0, x1, y1 in self.words[first:last].tolist():
            left, right = x0, x1
            if end > start:  # part of a word: its letters are taken to be equally wide
                left = x0 + (x1 - x0) * max(span.start - start, 0) / (end - start)
                right = x1 - (x1 - x0) * max(end - span.end, 0) / (end - start)
            line = lines[-1] if lines else None
            if line and line[0] == page and left >= line[1] and min(y1, line[4]) - max(y0, line[2]) > 0:
                line[2], line[3], line[4] = min(line[2], y0), max(line[3], right), max(line[4], y1)
            else:
                lines.append([page, left, y0, right, y1])
        return tuple(Box(int(page), *(value / 10 for value in place)) for page, *place in lines)

    def to_bytes(self) -> bytes:
        """Return a compact form: about 10 bytes a word."""
        deltas = np.diff(self.words, axis=0, prepend=np.zeros((1, _COLUMNS), np.int32))
        head = np.array([len(self.words), len(self.sizes)], np.int32)
        body = np.concatenate([head, self.sizes.ravel(), deltas.T.ravel()]).astype("<i4")
        return zlib.compress(body.tobytes(), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Boxes:
        """Return what `to_bytes` wrote. Raises `ValueError` for anything else."""
        try:
            body = np.frombuffer(zlib.decompress(data), "<i4")
        except zlib.error as error:
            raise ValueError("these are not boxes: not compressed as `to_bytes` does") from error
        words, sizes = (int(count) for count in body[:2])
        if min(words, sizes) < 0 or len(body) != 2 + 2 * sizes + _COLUMNS * words:
            raise ValueError(f"these are not boxes: {len(body)} numbers for {words} words on {sizes} pages")
        split = 2 + 2 * sizes
        deltas = body[split:].reshape(_COLUMNS, words).T
        return cls(
            np.cumsum(deltas, axis=0, dtype=np.int32), body[2:split].reshape(sizes, 2).astype(np.int32)
        )

"""The reading text of a document and its exact map back to the source."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingest.types import Document, Edit, Mark, Note, Piece, Quality, Repeat, Section, Span

_QUALITIES: tuple[Quality, ...] = get_args(Quality)
_CODE = {quality: code for code, quality in enumerate(_QUALITIES)}


@dataclass(frozen=True, eq=False)
class Reading:
    """Reading text, where each of its characters stands in the source, and what was done to get there.

    `pieces` has one row a piece, in reading order: reading start, source start, source end, quality code
    (int64, code points). `breaks[i]` says that no span may run from piece i-1 into piece i. `marks` are in
    reading order, `notes` are sections of kind `note`, `repeats` are pull-quotes that were left out.
    """

    text: str
    pieces: NDArray[np.int64] = field(repr=False)
    breaks: NDArray[np.bool_] = field(repr=False)
    sections: tuple[Section, ...] = field(repr=False)
    edits: tuple[Edit, ...] = ()
    marks: tuple[Mark, ...] = ()
    notes: tuple[Note, ...] = ()
    repeats: tuple[Repeat, ...] = ()

    @classmethod
    def of(cls, pieces: Iterable[Piece], sections: Sequence[Section], edits: Sequence[Edit] = ()) -> Reading:
        """Lay `pieces` end to end. Where other text of the source lies between two pieces, spans break.

        Marks, notes and repeats are for the repair to add.
        """
        kept = [piece for piece in pieces if piece.text]
        lengths = np.fromiter((len(piece.text) for piece in kept), np.int64, len(kept))
        table = np.empty((len(kept), 4), np.int64)
        table[:, 0] = np.cumsum(lengths) - lengths
        table[:, 1] = [piece.start for piece in kept]
        table[:, 2] = [piece.end for piece in kept]
        table[:, 3] = [_CODE[piece.quality] for piece in kept]
        return cls("".join(p.text for p in kept), table, _breaks(table, edits), tuple(sections), tuple(edits))

    def source_spans(self, start: int, end: int) -> tuple[Span, ...]:
        """Return the source spans that reading range `start:end` stands for, in reading order.

        Characters that exist only in the reading text (inserted spaces) have no span of their own.
        """
        spans: list[list[int]] = []
        broken = False
        for i in self._overlapping(start, end):
            at, low, high, _ = (int(value) for value in self.pieces[i])
            broken |= bool(self.breaks[i])
            if low == high:
                continue
            length = self._piece_end(i) - at
            if length == high - low:
                low, high = low + max(start - at, 0), high - max(at + length - end, 0)
            if low >= high:
                continue
            if spans and not broken and low >= spans[-1][1]:
                spans[-1][1] = high
            else:
                spans.append([low, high])
            broken = False
        return tuple(Span(low, high) for low, high in spans)

    def reading_spans(self, source: Span) -> tuple[Span, ...]:
        """Return the reading ranges that hold any character of `source`, in reading order."""
        low, high = self.pieces[:, 1], self.pieces[:, 2]
        found: list[list[int]] = []
        for i in np.flatnonzero((low < source.end) & (high > source.start)):
            start, end = int(self.pieces[i, 0]), self._piece_end(int(i))
            if end - start == high[i] - low[i]:
                start += max(source.start - int(low[i]), 0)
                end -= max(int(high[i]) - source.end, 0)
            if found and found[-1][1] == start:
                found[-1][1] = end
            else:
                found.append([start, end])
        return tuple(Span(start, end) for start, end in found)

    def quality(self, start: int, end: int) -> Quality:
        """Return the worst that happened to any character of reading range `start:end`."""
        worst = 0
        for i in self._overlapping(start, end):
            code = int(self.pieces[i, 3])
            if code == _CODE["joined"] and self.pieces[i, 0] <= start:
                continue  # the interruption lies before the range
            worst = max(worst, code)
        return _QUALITIES[worst]

    def runs(self, start: int, end: int) -> Iterator[tuple[Span, Quality]]:
        """Yield the pieces of reading range `start:end`, clipped to it, each with what happened to it."""
        for i in self._overlapping(start, end):
            low, high = max(int(self.pieces[i, 0]), start), min(self._piece_end(i), end)
            if low < high:
                yield Span(low, high), _QUALITIES[int(self.pieces[i, 3])]

    def notes_for(self, start: int, end: int) -> tuple[Note, ...]:
        """Return the notes that marks in reading range `start:end` call, each once, in order.

        A mark at the very end of the range, behind its last word, is in it.
        """
        first = bisect_right(self.marks, start, key=lambda mark: mark.at)
        after = bisect_right(self.marks, end, key=lambda mark: mark.at)
        called = dict.fromkeys(mark.note for mark in self.marks[first:after])
        return tuple(self.notes[i] for i in called if i is not None)

    def repeats_of(self, start: int, end: int) -> tuple[Span, ...]:
        """Return where the source repeats reading range `start:end`, or half of it, or a part of it in full.

        These are places that the reading text leaves out (pull-quotes), for `also_at`.
        """
        found = []
        for repeat in self.repeats:
            shared = min(end, repeat.end) - max(start, repeat.start)
            if shared > 0 and 2 * shared >= min(end - start, repeat.end - repeat.start):
                found.append(repeat.source)
        return tuple(sorted(found, key=lambda span: span.start))

    def unaccounted(self, document: Document) -> tuple[Span, ...]:
        """Return the source of `document`'s blocks that is neither read here nor recorded: as dropped or as a mark.

        Empty for every reading that `repair` makes: the check that nothing was lost.
        """
        size = len(document.source) + 1
        here = np.zeros(size, np.int32)
        _cover(here, self.pieces[:, 1], self.pieces[:, 2])
        other = [edit.source for edit in self.edits if edit.kind == "drop"]
        other += [mark.source for mark in self.marks]
        _cover(here, [span.start for span in other], [span.end for span in other])
        wanted = np.zeros(size, np.int32)
        pieces = [piece for block in document.blocks for piece in block.pieces if piece.text.strip()]
        _cover(wanted, [piece.start for piece in pieces], [piece.end for piece in pieces])
        missing = (np.cumsum(wanted) > 0) & (np.cumsum(here) == 0)
        edges = np.flatnonzero(np.diff(missing.astype(np.int8), prepend=0, append=0))
        spans = (Span(int(low), int(high)) for low, high in edges.reshape(-1, 2))
        return tuple(span for span in spans if document.source[span.start : span.end].strip())

    def sections_within(self, start: int, end: int) -> tuple[Section, ...]:
        """Return the sections that start in reading range `start:end`, in reading order."""
        first = bisect_left(self.sections, start, key=lambda section: section.start)
        after = bisect_left(self.sections, end, key=lambda section: section.start)
        return self.sections[first:after]

    def section_at(self, offset: int) -> Section:
        """Return the section that holds reading `offset` (the last one that starts at or before it)."""
        return self.sections[
            max(bisect_right(self.sections, offset, key=lambda section: section.start) - 1, 0)
        ]

    def _overlapping(self, start: int, end: int) -> Iterator[int]:
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"no such range in a reading text of {len(self.text)} characters: {start}:{end}")
        starts = self.pieces[:, 0]
        first = max(int(np.searchsorted(starts, start, side="right")) - 1, 0)
        return iter(range(first, int(np.searchsorted(starts, end, side="left"))))

    def _piece_end(self, i: int) -> int:
        return int(self.pieces[i + 1, 0]) if i + 1 < len(self.pieces) else len(self.text)


def _breaks(table: NDArray[np.int64], edits: Sequence[Edit]) -> NDArray[np.bool_]:
    """Say before which pieces a span must end: at a join, a jump back, or over other text of the source."""
    breaks = np.zeros(len(table), np.bool_)
    if len(table) < 2:
        return breaks
    low, high = table[:, 1], table[:, 2]
    breaks[1:] = (low[1:] < high[:-1]) | (table[1:, 3] == _CODE["joined"])
    dropped = [edit.source.start for edit in edits if edit.kind == "drop" and len(edit.source)]
    text_starts = np.sort(np.concatenate([low[low < high], np.array(dropped, np.int64)]))
    between = np.searchsorted(text_starts, low[1:]) > np.searchsorted(text_starts, high[:-1])
    breaks[1:] |= between
    return breaks


def _cover(counts: NDArray[np.int32], starts: ArrayLike, ends: ArrayLike) -> None:
    """Add 1 at each start and take 1 at each end, so that the running sum counts the ranges over a place."""
    np.add.at(counts, np.asarray(starts, np.int64), 1)
    np.add.at(counts, np.asarray(ends, np.int64), -1)

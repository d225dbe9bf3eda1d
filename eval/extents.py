"""Sets of source characters, over which evidence, citations and passages are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Interval = tuple[str, int, int]
"""A document's SHA-256 and a half-open range of its source's code points."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A set of source characters: intervals that neither touch nor overlap, in ascending order."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Extent:
        """Return the characters of `intervals`, which may overlap and come in any order."""
        merged: list[Interval] = []
        for document, start, end in sorted(intervals):
            if start >= end:
                continue
            if merged and merged[-1][0] == document and start <= merged[-1][2]:
                merged[-1] = (document, merged[-1][1], max(end, merged[-1][2]))
            else:
                merged.append((document, start, end))
        return cls(tuple(merged))

    @classmethod
    def union(cls, extents: Iterable[Extent]) -> Extent:
        """Return the characters that are in any of `extents`."""
        return cls.of(interval for extent in extents for interval in extent.intervals)

    def __len__(self) -> int:
        return sum(end - start for _, start, end in self.intervals)

    def __or__(self, other: Extent) -> Extent:
        return Extent.of((*self.intervals, *other.intervals))

    def __and__(self, other: Extent) -> Extent:
        return Extent(tuple(self._common(other)))

    def __sub__(self, other: Extent) -> Extent:
        rest: list[Interval] = []
        for document, start, end in self.intervals:
            at = start
            for where, low, high in other.intervals:
                if where == document and low < end and high > at:
                    rest.append((document, at, max(low, at)))
                    at = high
            rest.append((document, at, end))
        return Extent.of(rest)

    def share_in(self, other: Extent) -> float:
        """Return which share of this extent's characters is in `other`; 1 for an empty extent."""
        return len(self & other) / len(self) if self.intervals else 1.0

    def _common(self, other: Extent) -> Iterator[Interval]:
        i = j = 0
        mine, theirs = self.intervals, other.intervals
        while i < len(mine) and j < len(theirs):
            (document, start, end), (where, low, high) = mine[i], theirs[j]
            if document == where and max(start, low) < min(end, high):
                yield document, max(start, low), min(end, high)
            if (document, end) <= (where, high):
                i += 1
            else:
                j += 1

"""The source text of a document as the page shows it: numbered lines, marked spans, remarks on what is damaged,
one window at a time.

Offsets are code points into the source text, end exclusive; lines count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.types import Edit, Span
from service import messages

WINDOW = 60_000
"""Most code points of a source shown at once; the rest of a longer document is behind links."""
SNAP = 2_000
"""How far a window's edge may move to meet a line break."""

_REMARKED = frozenset(("join", "move", "replace", "mark"))
_HEADING = re.compile(r"#{1,6} ")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one line. `span` is the ordinal (from 1) of the marked span it lies in, 0 where unmarked.

    `first` is set on the first run of a span that is shown: the place a link to the span leads to. `damaged`
    says that the run is not read as it stands here, `again` that it repeats the marked place.
    """

    text: str
    span: int = 0
    first: bool = False
    damaged: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the source, without its line break. `heading`: it begins as a Markdown heading does.

    `remarks` say in plain words what is wrong with the source here.
    """

    number: int
    runs: tuple[Run, ...]
    heading: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A marked span: its ordinal from 1, where it stands, and whether the window shows it."""

    number: int
    start: int
    end: int
    line: int
    last_line: int
    shown: bool


@dataclass(frozen=True, slots=True)
class SourceView:
    """The part `start:end` of a source of `length` code points, with the places marked in all of it.

    `earlier` and `later` are the starts of the windows before and after this one.
    """

    start: int
    end: int
    length: int
    lines: tuple[Line, ...]
    places: tuple[Place, ...]
    earlier: int | None
    later: int | None


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans in order, those that overlap or touch joined, empty ones left out."""
    merged: list[Span] = []
    for span in sorted((span for span in spans if len(span)), key=lambda span: (span.start, span.end)):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def line_of(source: str, offset: int) -> int:
    """Return the number of the line that holds the code point at `offset`."""
    return source.count("\n", 0, offset) + 1


def view_source(
    source: str,
    spans: Iterable[Span] = (),
    edits: Sequence[Edit] = (),
    again: Iterable[Span] = (),
    *,
    start: int | None = None,
    window: int = WINDOW,
) -> SourceView:
    """Lay out the window of a source that begins near `start`, or else the one around the first span.

    `edits` are what was repaired in it, `again` are the places that repeat the spans: both are remarked on where
    they stand.

    A source no longer than `window` is shown whole. Raises ValueError where a span ends after the source
    does or `start` lies outside it.
    """
    marks = merge(spans)
    if marks and marks[-1].end > len(source):
        raise ValueError(
            f"a span ends at {marks[-1].end}, after the source, which has {len(source)} code points"
        )
    if start is not None and not 0 <= start <= len(source):
        raise ValueError(f"a window cannot start at {start} in a source of {len(source)} code points")
    first, last = _window(source, marks, start, window)
    return SourceView(
        first,
        last,
        len(source),
        _lines(source, first, last, marks, _Remarked.of(source, first, last, edits, again)),
        _places(source, first, last, marks),
        earlier=max(0, first - window) if first else None,
        later=last if last < len(source) else None,
    )


def _window(source: str, marks: Sequence[Span], start: int | None, window: int) -> tuple[int, int]:
    if len(source) <= window:
        return 0, len(source)
    if start is None:
        middle = (marks[0].start + min(marks[0].end, marks[0].start + window // 2)) // 2 if marks else 0
        start = max(0, min(middle - window // 2, len(source) - window))
    reach = min(SNAP, window // 8)
    return _snap(source, start, reach), _snap(source, min(start + window, len(source)), reach)


def _snap(source: str, offset: int, reach: int) -> int:
    """Move an offset back to the beginning of its line, if that is no further than `reach`."""
    if offset >= len(source):
        return len(source)
    return source.rfind("\n", max(0, offset - reach), offset) + 1 or offset


@dataclass(frozen=True, slots=True)
class _Remarked:
    """What is to be said of a window besides its marks; `remarks` are in order of their offsets."""

    damaged: tuple[Span, ...]
    again: tuple[Span, ...]
    remarks: tuple[tuple[int, str], ...]

    @classmethod
    def of(
        cls, source: str, first: int, last: int, edits: Iterable[Edit], again: Iterable[Span]
    ) -> _Remarked:
        here = [edit for edit in edits if edit.kind in _REMARKED and first <= edit.source.start < last]
        line = line_of(source, first)
        said = [
            (edit.source.start, messages.remark(edit, line + source.count("\n", first, edit.source.end)))
            for edit in here
        ]
        repeated = merge(span for span in again if _within(span, first, last))
        said += [(span.start, messages.SAID_AGAIN) for span in repeated]
        damaged = merge(edit.source for edit in here if edit.kind != "join")
        return cls(damaged, repeated, tuple(sorted(said)))


def _lines(
    source: str, first: int, last: int, marks: Sequence[Span], remarked: _Remarked
) -> tuple[Line, ...]:
    lines: list[Line] = []
    number, at, begun, said = line_of(source, first), first, set[int](), 0
    # A final line break ends the last line: it does not begin another, empty one.
    while at < last:
        stop = source.find("\n", at, last)
        stop = last if stop < 0 else stop
        end = stop - 1 if stop > at and source[stop - 1] == "\r" else stop
        runs = tuple(_runs(source, Span(at, end), marks, remarked, begun))
        before = said
        while said < len(remarked.remarks) and remarked.remarks[said][0] <= stop:
            said += 1
        remarks = tuple(dict.fromkeys(remark for _, remark in remarked.remarks[before:said]))
        lines.append(Line(number, runs, bool(_HEADING.match(source, at)), remarks))
        number, at = number + 1, stop + 1
    return tuple(lines)


def _runs(
    source: str, line: Span, marks: Sequence[Span], remarked: _Remarked, begun: set[int]
) -> Iterable[Run]:
    here = [(ordinal, mark) for ordinal, mark in enumerate(marks, 1) if _within(mark, line.start, line.end)]
    damaged = [span for span in remarked.damaged if _within(span, line.start, line.end)]
    again = [span for span in remarked.again if _within(span, line.start, line.end)]
    edges = {line.start, line.end}
    for span in (*(mark for _, mark in here), *damaged, *again):
        edges |= {max(span.start, line.start), min(span.end, line.end)}
    for low, high in pairwise(sorted(edges)):
        ordinal = next((ordinal for ordinal, mark in here if _within(mark, low, high)), 0)
        first = bool(ordinal) and ordinal not in begun
        begun |= {ordinal}
        yield Run(
            source[low:high],
            ordinal,
            first,
            any(_within(span, low, high) for span in damaged),
            any(_within(span, low, high) for span in again),
        )


def _within(span: Span, start: int, end: int) -> bool:
    return span.start < end and span.end > start


def _places(source: str, first: int, last: int, marks: Sequence[Span]) -> tuple[Place, ...]:
    places: list[Place] = []
    for number, mark in enumerate(marks, start=1):
        line = line_of(source, mark.start)
        last_line = line + source.count("\n", mark.start, mark.end - 1)
        shown = mark.start < last and mark.end > first
        places.append(Place(number, mark.start, mark.end, line, last_line, shown))
    return tuple(places)

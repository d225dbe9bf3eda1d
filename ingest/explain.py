"""What a repair did and why, for a person to read: the reading text with remarks, or against its source."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from ingest.reading import Reading
from ingest.types import Document, Edit, Quality, Section

Style = Literal[
    "heading", "text", "note", "joined", "repaired", "suspect", "remark", "removed", "added", "place"
]
Line = tuple[tuple[str, Style], ...]
"""A line in parts of one style each, so that a terminal can colour it; the texts joined are the plain line."""

_STYLE_OF: dict[Quality, Style] = {
    "intact": "text",
    "joined": "joined",
    "repaired": "repaired",
    "suspect": "suspect",
}
_DONE = {
    "join": "joined",
    "drop": "left out",
    "move": "moved",
    "replace": "replaced",
    "mark": "suspect",
}
_SHOWN = 70


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a source text, counted from 1."""

    starts: tuple[int, ...]

    @classmethod
    def of(cls, source: str) -> _Lines:
        return cls((0, *(match.end() for match in re.finditer("\n", source))))

    def at(self, offset: int) -> int:
        return bisect_right(self.starts, offset)

    def name(self, edit: Edit) -> str:
        """Name the lines of `edit`; of a join, the two that were joined."""
        span = edit.source
        if edit.kind == "join":
            return f"lines {self.at(span.start)} and {self.at(span.end)}"
        first, last = self.at(span.start), self.at(max(span.end - 1, span.start))
        return f"line {first}" if first == last else f"lines {first}-{last}"


def explain(document: Document, reading: Reading) -> Iterator[Line]:
    """Yield the reading text paragraph by paragraph, each followed by what was repaired in it and why."""
    lines = _Lines.of(document.source)
    for section in reading.sections:
        yield tuple(_parts(reading, section))
        for edit in _edits(reading, section):
            shown = _short(document.source[edit.source.start : edit.source.end])
            said = f"    {lines.name(edit)} {_DONE[edit.kind]}: {edit.reason}"
            yield ((said, "remark"), (f" “{shown}”" if shown and edit.kind != "join" else "", "removed"))
        yield ()
    yield ((_summary(reading), "remark"),)


def compare(document: Document, reading: Reading) -> Iterator[Line]:
    """Yield every repaired paragraph as a difference: its source lines (-), how it is read (+), and why (#)."""
    lines = _Lines.of(document.source)
    for section in reading.sections:
        edits = _edits(reading, section)
        if not edits:
            continue
        spans = [*reading.source_spans(section.start, section.end), *(edit.source for edit in edits)]
        touched = sorted(
            {n for span in spans for n in range(lines.at(span.start), lines.at(span.end - 1) + 1)}
        )
        yield ((f"@@ lines {touched[0]}-{touched[-1]} @@", "place"),)
        for number in touched:
            end = lines.starts[number] if number < len(lines.starts) else len(document.source)
            text = document.source[lines.starts[number - 1] : end].strip()
            if text:
                yield ((f"- {text}", "removed"),)
        yield (("+ ", "added"), *_parts(reading, section))
        for edit in edits:
            yield ((f"# {lines.name(edit)} {_DONE[edit.kind]}: {edit.reason}", "remark"),)
        yield ()
    yield ((_summary(reading), "remark"),)


def _parts(reading: Reading, section: Section) -> Iterator[tuple[str, Style]]:
    """Yield the text of `section`, parted where its quality changes."""
    if section.kind in ("title", "heading"):
        yield (reading.text[section.start : section.end], "heading")
        return
    if section.kind == "note":
        yield (f"[{section.label}] ", "note")
    at = section.start
    for quality, run in groupby(reading.runs(section.start, section.end), key=lambda found: found[1]):
        end = max(found[0].end for found in run)
        yield (reading.text[at:end], _STYLE_OF[quality])
        at = end


def _edits(reading: Reading, section: Section) -> list[Edit]:
    first = bisect_left(reading.edits, section.start, key=lambda edit: edit.at)
    after = bisect_left(reading.edits, section.end, key=lambda edit: edit.at)
    last = section.end == len(reading.text)
    return list(reading.edits[first : len(reading.edits) if last else after])


def _summary(reading: Reading) -> str:
    counts = {done: sum(edit.kind == kind for edit in reading.edits) for kind, done in _DONE.items()}
    said = ", ".join(f"{count} {done}" for done, count in counts.items() if count)
    notes = f"{_counted(len(reading.notes), 'note')}, {_counted(len(reading.marks), 'mark')}"
    if not reading.edits:
        return f"nothing to repair; {notes}"
    return f"{_counted(len(reading.edits), 'edit')} ({said}); {notes}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 1]}…"

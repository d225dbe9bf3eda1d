"""From a repaired draft to the reading text: paragraphs in reading order, notes behind them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingest.draft import Draft
from ingest.footnotes import addresses
from ingest.pieces import in_step, space_at
from ingest.reading import Reading
from ingest.types import Block, Edit, Mark, Note, Piece, Repeat, Section, Span

BLOCK_BREAK = "\n\n"


def lay_out(draft: Draft) -> Reading:
    """Return the reading text of `draft`: its paragraphs, a blank line between them, and then its notes."""
    page = _Page()
    for i, block in enumerate(draft.blocks):
        if block.kind != "note":
            page.add(draft, i)
    for i, block in enumerate(draft.blocks):
        if block.kind == "note":
            page.add(draft, i)
    edits = [*draft.edits, *_replacements(draft, page.pieces)]
    reading = Reading.of(page.pieces, page.sections, edits)
    places = _Places(reading.pieces, len(reading.text))
    return replace(
        reading,
        edits=tuple(
            sorted((_located(edit, places) for edit in edits), key=lambda edit: (edit.at, edit.source.start))
        ),
        marks=_resolved(page.marks, page.notes, page.note_starts),
        notes=tuple(page.notes),
        repeats=tuple(
            Repeat(places.of(copy.start), places.of(copy.end - 1) + 1, copy.source)
            for copy in draft.copies
            if places.of(copy.start) < places.of(copy.end - 1)
        ),
    )


class _Page:
    """The reading text as far as it is laid out."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.sections: list[Section] = []
        self.marks: list[Mark] = []
        self.notes: list[Note] = []
        self.note_starts: list[int] = []
        self.length = 0
        self._note_before = -2

    def add(self, draft: Draft, i: int) -> None:
        """Add the paragraph that begins with block `i`, if one does, and what was set aside from it."""
        if not draft.kept(i) or i in draft.preceding:
            return
        chain = draft.chain(i) if i in draft.following else [i]
        block = draft.blocks[i]
        start = self._section(block, draft.paths[i], list(_joined(draft, chain)))
        if block.kind == "note":
            self._note(draft, chain, start)
        for j in chain if draft.asides else ():
            for pieces in draft.asides.get(j, ()):
                self._section(block, draft.paths[i], pieces)

    def _note(self, draft: Draft, chain: list[int], start: int) -> None:
        block = draft.blocks[chain[0]]
        urls = addresses([draft.blocks[i] for i in chain])
        if self._note_before == chain[0] - 1 and self.notes[-1].label == block.label != "*":
            first = self.notes.pop()  # a note of several paragraphs
            self.notes.append(Note(first.label, first.start, self.length, (*first.urls, *urls)))
        else:
            self.notes.append(Note(block.label or "", start, self.length, urls))
            self.note_starts.append(block.start)
        self._note_before = chain[-1]

    def _section(self, block: Block, path: tuple[str, ...], pieces: Sequence[Piece]) -> int:
        if self.pieces:
            self.pieces.append(Piece(BLOCK_BREAK, pieces[0].start, pieces[0].start))
            self.length += len(BLOCK_BREAK)
        start = self.length
        for piece in pieces:
            self.length += len(piece.text)
            if piece.note is not None:
                self.marks.append(Mark(self.length, piece.note, Span(piece.start, piece.end)))
        self.pieces.extend(pieces)
        self.sections.append(Section(block.kind, start, self.length, path, block.page, block.label))
        return start


def _joined(draft: Draft, chain: list[int]) -> Iterator[Piece]:
    """Yield the pieces of the blocks of `chain`, a space between them; each begins as a join."""
    yield from draft.blocks[chain[0]].pieces
    for i in chain[1:]:
        pieces = draft.blocks[i].pieces
        first = next(k for k, piece in enumerate(pieces) if piece.text)
        if i not in draft.tight:
            yield space_at(pieces[first].start)
        for k, piece in enumerate(pieces):
            yield replace(piece, quality="joined") if k == first and piece.quality == "intact" else piece


def _replacements(draft: Draft, pieces: list[Piece]) -> Iterator[Edit]:
    for piece in pieces:
        if not in_step(piece) and piece.start < piece.end and not piece.text.isspace() and piece.text:
            written = draft.source[piece.start : piece.end]
            yield Edit("replace", Span(piece.start, piece.end), 0, f"{written!r} is read as {piece.text!r}")


class _Places:
    """Finds reading offsets by source offsets, in logarithmic time."""

    def __init__(self, pieces: NDArray[np.int64], length: int) -> None:
        real = pieces[pieces[:, 1] < pieces[:, 2]]
        order = np.argsort(real[:, 1], kind="stable")
        self._at, self._start, self._end = real[order, 0], real[order, 1], real[order, 2]
        self._length = length

    def after(self, source: int) -> int:
        """Return where the first text from `source` on is read."""
        i = int(np.searchsorted(self._start, source))
        return int(self._at[i]) if i < len(self._at) else self._length

    def of(self, source: int) -> int:
        """Return where the source character at `source` is read, or the one that follows it."""
        i = int(np.searchsorted(self._start, source, side="right")) - 1
        if i < 0 or source >= self._end[i]:
            return self.after(source)
        return int(self._at[i] + source - self._start[i])


def _located(edit: Edit, places: _Places) -> Edit:
    at = places.after(edit.source.end) if edit.kind in ("drop", "join") else places.of(edit.source.start)
    return replace(edit, at=at)


def _resolved(marks: list[Mark], notes: list[Note], note_starts: list[int]) -> tuple[Mark, ...]:
    """Give each mark its note: the next one in the source with its label, or else the last one before it."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for i, note in enumerate(notes):
        found[note.label].append(i)
    starts = {label: [note_starts[i] for i in same] for label, same in found.items()}
    resolved = []
    for mark in marks:
        if mark.label in found:
            later = bisect_left(starts[mark.label], mark.source.start)
            resolved.append(replace(mark, note=found[mark.label][min(later, len(found[mark.label]) - 1)]))
        else:
            resolved.append(mark)
    return tuple(resolved)

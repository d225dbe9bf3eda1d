"""The extracted text of a PDF while it is written: source, blocks and the boxes of words."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingest.errors import ExtractionLimitError
from ingest.marks import note_marks
from ingest.pdflayout import Line
from ingest.pdftables import LEADER
from ingest.pdfwords import Word
from ingest.types import Block, BlockKind, Piece

_GLUED = 0.12  # em


@dataclass(slots=True)
class Writer:
    """The extracted text, its blocks and the boxes of its words (see `ingest.boxes`)."""

    name: str
    most: int
    parts: list[str] = field(default_factory=list)
    length: int = 0
    blocks: list[Block] = field(default_factory=list)
    boxes: array[int] = field(default_factory=lambda: array("i"))
    page: int = 1
    called: set[tuple[int, str | None]] = field(default_factory=set)  # notes, by page and label

    def write(self, text: str) -> int:
        """Append `text` to the source; return where it starts."""
        start = self.length
        self.length += len(text)
        if self.length > self.most:
            raise ExtractionLimitError(
                f"{self.name!r} holds more than {self.most} characters of text. Split it"
            )
        self.parts.append(text)
        return start

    def words(self, words: Sequence[Word]) -> tuple[Piece, ...]:
        """Write `words` with spaces between them; return their pieces, raised numbers as note marks."""
        pieces: list[Piece] = []
        last: Word | None = None
        for word in words:
            space = -1
            if last and (word.spaced or word.x0 - last.x1 > _GLUED * word.size):
                space = self.write(" ")
            start = self.write(word.text)
            self.boxes.extend((start, self.length, self.page, *(round(10 * value) for value in word.box)))
            piece = Piece(word.text, start, self.length)
            marks = note_marks([piece]) if word.raised else []
            if space >= 0 and not marks:
                pieces.append(Piece(" ", space, space + 1))
            if marks:
                self.called.update((self.page, mark.note) for mark in marks)
                pieces.extend(marks)
            elif not (LEADER.fullmatch(word.text) and len(word.text) > 3):
                pieces.append(piece)
            last = word
        return _merged(pieces)

    def lines(self, lines: Iterable[Line]) -> tuple[Piece, ...]:
        """Write `lines` with line breaks between them, which are read as spaces."""
        pieces: list[Piece] = []
        for line in lines:
            if pieces:
                at = self.write("\n")
                pieces.append(Piece(" ", at, at + 1))
            pieces.extend(self.words(line.words))
        return tuple(pieces)

    def block(
        self, kind: BlockKind, pieces: Sequence[Piece], level: int = 0, label: str | None = None
    ) -> None:
        """Add a block of what was just written, unless nothing of it is read."""
        if any(piece.text.strip() for piece in pieces):
            start, end = pieces[0].start, pieces[-1].end
            self.blocks.append(Block(kind, start, end, tuple(pieces), level, self.page, label))
        self.write("\n")


def _merged(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return `pieces`, those that follow each other in step with the source as one."""
    merged: list[Piece] = []
    run: list[str] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last and last.note is None and piece.note is None and last.end == piece.start and piece.text:
            run.append(piece.text)
            merged[-1] = Piece("", last.start, piece.end)
        else:
            if last and last.note is None:
                merged[-1] = Piece("".join(run), last.start, last.end)
            merged.append(piece)
            run = [piece.text]
    if merged and merged[-1].note is None:
        merged[-1] = Piece("".join(run), merged[-1].start, merged[-1].end)
    return tuple(merged)

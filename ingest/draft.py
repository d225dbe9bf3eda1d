"""A document under repair: its blocks, what was done to them, and in what order they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingest.pieces import cut, space_at, with_quality
from ingest.types import Block, BlockKind, Document, Edit, EditKind, Piece, Span
from ingest.words import WORD

RUNNING: frozenset[BlockKind] = frozenset(("paragraph", "list_item", "quote"))
"""The kinds of blocks that hold running text."""


_CACHED = 100


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text without case, and where they stand in it: character `starts[k]` to `ends[k]`."""

    texts: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Words:
        """Return the words of `text`."""
        found = list(WORD.finditer(text))
        return cls(
            tuple([match.group().casefold() for match in found]),
            tuple([match.start() for match in found]),
            tuple([match.end() for match in found]),
        )


@dataclass(frozen=True, slots=True)
class Copy:
    """A stretch of the source, left out, that repeats the body from source `start` to `end`."""

    start: int
    end: int
    source: Span


class Draft:
    """The blocks of a document and the operations of its repair, each of them recorded.

    `blocks`, `texts` and `paths` (the headings above) run in parallel. A block keeps its index for good: one
    that is dropped leaves a gap, one that is joined is read behind the block it goes on from (without a space
    where it is in `tight`).
    """

    def __init__(self, document: Document) -> None:
        self.source = document.source
        self.blocks = [block for block in document.blocks if any(piece.text for piece in block.pieces)]
        self.texts = [block.text for block in self.blocks]
        self.paths: list[tuple[str, ...]] = [()] * len(self.blocks)
        self.following: dict[int, int] = {}
        self.preceding: dict[int, int] = {}
        self.tight: set[int] = set()
        self.asides: dict[int, list[tuple[Piece, ...]]] = {}
        self.copies: list[Copy] = []
        self.edits: list[Edit] = []
        self._dropped: set[int] = set()
        self._words: dict[int, Words] = {}
        self._threes: dict[int, frozenset[tuple[str, str, str]]] = {}

    def kept(self, i: int) -> bool:
        """Say whether block `i` is read."""
        return i not in self._dropped

    def sweep(self) -> None:
        """Forget blocks that have no text left; for use before anything refers to a block by its index."""
        kept = [i for i, text in enumerate(self.texts) if text.strip()]
        self.blocks = [self.blocks[i] for i in kept]
        self.texts = [self.texts[i] for i in kept]
        self.paths = [self.paths[i] for i in kept]

    def words(self, i: int) -> Words:
        """Return the words of block `i`."""
        if i not in self._words:
            _make_room(self._words)
            self._words[i] = Words.of(self.texts[i])
        return self._words[i]

    def threes(self, i: int) -> frozenset[tuple[str, str, str]]:
        """Return the runs of three words of block `i`."""
        if i not in self._threes:
            _make_room(self._threes)
            words = self.words(i).texts
            self._threes[i] = frozenset(zip(words, words[1:], words[2:], strict=False))
        return self._threes[i]

    def running(self) -> list[int]:
        """Return the blocks of running text that are read, in source order."""
        return [i for i, block in enumerate(self.blocks) if block.kind in RUNNING and i not in self._dropped]

    def chain(self, i: int) -> list[int]:
        """Return the blocks that are read as one paragraph with block `i`, in reading order."""
        while i in self.preceding:
            i = self.preceding[i]
        found = [i]
        while found[-1] in self.following:
            found.append(self.following[found[-1]])
        return found

    def record(self, kind: EditKind, source: Span, reason: str) -> None:
        """Record an operation. Where it shows in the reading text is found when that is laid out."""
        self.edits.append(Edit(kind, source, 0, reason))

    def change(self, i: int, block: Block) -> None:
        """Put `block` in the place of block `i`. What that does to the text is for the caller to record."""
        self.blocks[i], self.texts[i] = block, block.text
        self._words.pop(i, None)
        self._threes.pop(i, None)

    def repiece(self, i: int, pieces: Sequence[Piece]) -> None:
        """Give block `i` other pieces. What that does to the text is for the caller to record."""
        self.change(i, replace(self.blocks[i], pieces=tuple(pieces)))

    def prefix(self, i: int, pieces: Sequence[Piece]) -> None:
        """Read `pieces`, of another block, as the beginning of block `i`."""
        own = self.blocks[i].pieces
        first = next(k for k, piece in enumerate(own) if piece.text)
        joined = (*own[:first], replace(own[first], quality="joined"), *own[first + 1 :])
        self.repiece(i, (*pieces, space_at(own[first].start), *joined))

    def hide(self, i: int) -> None:
        """Leave block `i` out, to be recorded by `drop` when it is known what of it is read elsewhere."""
        self._dropped.add(i)

    def drop(self, i: int, reason: str, but: Iterable[Span] = ()) -> None:
        """Leave block `i` out, but for the source ranges `but`, which are read elsewhere."""
        self._dropped.add(i)
        self.drop_source(source_range(self.blocks[i].pieces), reason, but)

    def drop_source(self, source: Span, reason: str, but: Iterable[Span] = ()) -> None:
        """Record that `source` is not read, but for the ranges `but`."""
        at = source.start
        for span in [*sorted(but, key=lambda span: span.start), Span(source.end, source.end)]:
            if self.source[at : span.start].strip():
                self.record("drop", Span(at, span.start), reason)
            at = span.end

    def join(self, i: int, j: int, reason: str) -> None:
        """Read block `j` right behind block `i`, as one paragraph."""
        self.following[i], self.preceding[j] = j, i
        before, after = source_range(self.blocks[i].pieces), source_range(self.blocks[j].pieces)
        if before.end <= after.start:
            self.record("join", Span(before.end, after.start), reason)
        else:
            self.record("move", after, reason)

    def set_aside(self, i: int, pieces: Sequence[Piece], reason: str) -> None:
        """Read `pieces`, which have no certain place, behind the paragraph of block `i`, as suspect."""
        self.asides.setdefault(i, []).append(with_quality(pieces, "suspect"))
        self.record("mark", source_range(pieces), reason)

    def doubt(self, i: int, start: int, end: int, reason: str) -> None:
        """Mark characters `start:end` of block `i` as suspect."""
        pieces, size = self.blocks[i].pieces, len(self.texts[i])
        doubtful = with_quality(cut(pieces, start, end), "suspect")
        if doubtful == cut(pieces, start, end):
            return
        self.repiece(i, (*cut(pieces, 0, start), *doubtful, *cut(pieces, end, size)))
        block = self.blocks[i]
        own = [piece for piece in doubtful if block.start <= piece.start < block.end]
        self.record("mark", source_range(own or doubtful), reason)


def _make_room(cache: dict[int, Any]) -> None:
    """Empty a cache that holds more blocks than any step looks at together."""
    if len(cache) > _CACHED:
        cache.clear()


def source_range(pieces: Iterable[Piece]) -> Span:
    """Return the source from the first to the last of `pieces`."""
    read = [piece for piece in pieces if piece.text] or list(pieces)
    return Span(min(piece.start for piece in read), max(piece.end for piece in read))

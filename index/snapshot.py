"""A frozen view of the store that questions run on: vectors, postings and tables, kept as files.

A snapshot is only a copy: `index.publishing` makes it from the store.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from index.lexical import LexicalIndex
from index.segment import Segment, Stacked
from index.store import Entry
from index.types import Rows, Scores, Vectors
from index.vectors import VectorIndex

MANIFEST = "manifest-1.json"
"""Its number goes up with the form of the files: those of another version are made again from the store."""
PASSAGE_WORDS = "passage-words"
SENTENCE_WORDS = "sentence-words"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in the files of a snapshot.

    `documents` has for each number a document as `Store.contents` gives it, None for one that is no more. `searches` says of each segment how its vectors are
    searched.
    """

    fingerprint: str
    documents: Sequence[Entry | None]
    searches: Sequence[str]

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Return the manifest of the snapshot in `folder`."""
        fields = orjson.loads((folder / MANIFEST).read_bytes())
        documents = [None if entry is None else Entry(*entry) for entry in fields["documents"]]
        return cls(fields["fingerprint"], documents, fields["searches"])

    def write(self, folder: Path) -> None:
        """Write the manifest of the snapshot in `folder`."""
        fields = {**asdict(self), "documents": [entry and tuple(entry) for entry in self.documents]}
        (folder / MANIFEST).write_bytes(orjson.dumps(fields))


class Snapshot:
    """All that a search needs, in rows that belong together.

    `passages`, shape (n, 5): document number, ordinal, reading start, reading end, first sentence row.
    `sentences`, shape (m, 4): passage row, reading start, reading end, whether it is a heading.
    `sentence_vectors`, shape (m, dimension), half floats. `documents` lists document ids by number, "" for
    one that is no more: its rows stay, and are never found.
    """

    def __init__(
        self,
        generation: int,
        manifest: Manifest,
        segments: Sequence[Segment],
        passage_words: LexicalIndex,
        sentence_words: LexicalIndex,
    ) -> None:
        self.generation = generation
        self.manifest = manifest
        self.segments = segments
        self.fingerprint = manifest.fingerprint
        self.documents = tuple("" if entry is None else entry.document_id for entry in manifest.documents)
        self.passages = _joined([segment.passages for segment in segments])
        self.sentences = _joined([segment.sentences for segment in segments])
        self.sentence_vectors = Stacked([segment.sentence_vectors for segment in segments])
        self.vectors = VectorIndex([segment.vectors for segment in segments])
        self.passage_words = passage_words
        self.sentence_words = sentence_words
        self._versions = {
            entry.document_id: entry.sha256 for entry in manifest.documents if entry is not None
        }
        self._number_of = {name: number for number, name in enumerate(self.documents) if name}
        # Numbers ascend with the rows: a document's passages stand between two bounds.
        numbers = np.ascontiguousarray(self.passages[:, 0])
        self._bounds = np.searchsorted(numbers, np.arange(len(self.documents) + 1, dtype=numbers.dtype))
        gone = len(self._number_of) < len(self.documents)
        self._alive = self._allowed(list(self._number_of.values())) if gone else None

    @classmethod
    def open(cls, folder: Path, generation: int, dimension: int) -> Snapshot:
        """Open the files that `index.publishing` made, and verified, for `generation`."""
        manifest = Manifest.read(folder)
        segments: list[Segment] = []
        first = 0
        for place in range(len(manifest.searches)):
            segments.append(Segment.open(segment_folder(folder, place), first, dimension))
            first += len(segments[-1].passages)
        words = (LexicalIndex.load(folder / name) for name in (PASSAGE_WORDS, SENTENCE_WORDS))
        return cls(generation, manifest, segments, *words)

    @property
    def document_count(self) -> int:
        """How many documents there are."""
        return len(self._number_of)

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        return len(self.passages) if self._alive is None else int(np.count_nonzero(self._alive))

    def version(self, document_id: str) -> str:
        """Return the SHA-256 of the document that the rows were made from."""
        return self._versions.get(document_id, "")

    def sentence_rows(self, passage_row: int) -> range:
        """Return the rows of the sentences of a passage."""
        following = passage_row + 1
        last = self.passages[following, 4] if following < len(self.passages) else len(self.sentences)
        return range(int(self.passages[passage_row, 4]), int(last))

    def passage_rows(self, document: int) -> range:
        """Return the rows of the passages of the document with this number."""
        return range(int(self._bounds[document]), int(self._bounds[document + 1]))

    def candidates(
        self, words: list[str], vector: Vectors, limit: int, documents: Collection[str] | None
    ) -> tuple[Rows, Scores, Scores]:
        """Return rows in ascending order, the cosine and the BM25 score of each (see `View`)."""
        numbers = self._numbers(documents)
        allowed = self._alive if numbers is None else self._allowed(numbers)
        near, _ = self.vectors.search(vector, limit, allowed)
        matching, bm25 = self.passage_words.search(words, limit, numbers)
        found = np.concatenate([near, matching])
        around = np.concatenate([found - 1, found, found + 1])
        around = np.unique(around[(around >= 0) & (around < len(self.passages))])
        rows = around if allowed is None else around[allowed[around]]
        lexical = np.zeros(len(rows), np.float32)
        lexical[np.searchsorted(rows, matching)] = bm25
        return rows, self.vectors.scores(vector, rows), lexical

    def score_sentences(
        self, rows: Rows, words: list[str], vector: Vectors, documents: Collection[str] | None
    ) -> tuple[Scores, Scores]:
        """Return the cosine and the BM25 score of each of these sentences; `rows` ascend."""
        dense = np.asarray(self.sentence_vectors[rows], np.float32) @ vector
        matching, bm25 = self.sentence_words.search(words, 2 * len(rows), self._numbers(documents))
        lexical = np.zeros(len(rows), np.float32)
        if len(rows):
            at = np.minimum(np.searchsorted(rows, matching), len(rows) - 1)
            inside = rows[at] == matching
            lexical[at[inside]] = bm25[inside]
        return dense, lexical

    def document_frequency(self, word: str) -> int:
        """Return how many passages hold `word`."""
        return self.passage_words.document_frequency(word)

    def sentence_spans(self, document_id: str, start: int, end: int) -> list[tuple[int, int]]:
        """Return the reading ranges of a document's sentences that overlap `start:end`."""
        passages = self.passage_rows(self._number_of[document_id])
        if not passages:
            return []
        first, last = passages[0], passages[-1]
        spans = self.sentences[self.sentence_rows(first).start : self.sentence_rows(last).stop, 1:3]
        return [(low, high) for low, high in spans.tolist() if low < end and high > start]

    def _numbers(self, documents: Collection[str] | None) -> list[int] | None:
        if documents is None:
            return None
        return [self._number_of[name] for name in set(documents) if name in self._number_of]

    def _allowed(self, numbers: Collection[int]) -> NDArray[np.bool_]:
        """Say of each passage whether it is in one of these documents."""
        allowed = np.zeros(len(self.passages), np.bool_)
        for number in numbers:
            allowed[self._bounds[number] : self._bounds[number + 1]] = True
        return allowed


def segment_folder(folder: Path, place: int) -> Path:
    """Return where the snapshot in `folder` has its segment number `place`."""
    return folder / f"segment-{place:02d}"


def _joined(tables: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    return tables[0] if len(tables) == 1 else np.concatenate(tables)

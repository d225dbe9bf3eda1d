"""What one question sees of a cluster: the passages that the engine found, as PostgreSQL has them.

The engine proposes, the truth disposes: every score is computed from the vectors and words of the rows, so it
is the embedded backend's, and a point that no row belongs to is passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from index.cluster_database import Database, Row
from index.cluster_engine import Engine
from index.cluster_rows import Passage
from index.cluster_words import WordStatistics, bm25, code_of
from index.codec import unpack_vectors
from index.fingerprint import fingerprint
from index.types import Rows, Scores, Vectors

_GAP = 8
"""Empty sentence rows between passages that do not follow each other: more than scores are smoothed over."""
_CANDIDATES = """
SELECT p.id, p.document_id, p.ordinal, p.start, p.stop, p.vector, p.words, p.sentences, d.sha256
FROM passages p JOIN documents d ON d.id = p.document_id WHERE p.id = ANY(%(around)s)
AND p.document_id IN (SELECT document_id FROM passages WHERE id = ANY(%(found)s)) ORDER BY p.id
"""
_SENTENCES = "SELECT id, sentence_vectors, sentence_words, sentence_lengths FROM passages WHERE id = ANY(%s)"
_SPANS = "SELECT sentences FROM passages WHERE document_id = %s AND start < %s AND stop > %s ORDER BY start"
_STATE = "SELECT documents, passages, mark, passage_words, sentences, sentence_words FROM state"


@dataclass(frozen=True, slots=True)
class State:
    """The size of an index: counts, the sum of its documents' marks, and words in passages and sentences."""

    documents: int
    passages: int
    mark: int
    passage_words: int
    sentences: int
    sentence_words: int

    @classmethod
    def read(cls, database: Database) -> State:
        """Return the present one."""
        row = database.row(_STATE)
        assert row is not None
        return cls(*(int(value) for value in row))


class ClusterView:
    """A `View`. It belongs to one question and one thread; it is filled by `candidates`."""

    def __init__(self, database: Database, engine: Engine, model: str, dimension: int) -> None:
        self._database = database
        self._engine = engine
        self._model = model
        self._dimension = dimension
        self._holding: dict[str, tuple[int, int]] = {}
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._fill([])

    @property
    def fingerprint(self) -> str:
        """A hash of what the index holds: equal for equal contents."""
        return fingerprint(self._model, self._state.mark)

    @property
    def document_count(self) -> int:
        """How many documents the index holds."""
        return self._state.documents

    @property
    def passage_count(self) -> int:
        """How many passages the index holds."""
        return self._state.passages

    def version(self, document_id: str) -> str:
        """Return the SHA-256 of the document that the rows were made from."""
        return self._versions.get(document_id, "")

    def sentence_rows(self, passage_row: int) -> range:
        """Return the rows of the sentences of a passage."""
        ends = [*self.passages[passage_row + 1 : passage_row + 2, 4].tolist(), len(self.sentences)]
        return range(int(self.passages[passage_row, 4]), ends[0])

    def candidates(
        self, words: list[str], vector: Vectors, limit: int, documents: Collection[str] | None
    ) -> tuple[Rows, Scores, Scores]:
        """Return rows in ascending order, the cosine and the BM25 score of each (see `View`)."""
        near = self._engine.near(vector, limit, documents)
        matching = self._engine.matching([code_of(word) for word in words], limit, documents)
        found = {*near, *matching}
        around = sorted({each + step for each in found for step in (-1, 0, 1)})
        rows = self._database.rows(_CANDIDATES, {"around": around, "found": sorted(found)}) if found else []
        self._look_up(words)
        self._fill(rows)
        dense = (
            np.stack([unpack_vectors(row[5], self._dimension)[0] for row in rows]) if rows else _none(vector)
        )
        held = {number: place for place, number in enumerate(row[0] for row in rows)}
        places = [held[number] for number in matching if number in held]
        texts = [np.frombuffer(rows[place][6], "<u4") for place in places]
        lexical = np.zeros(len(rows), np.float32)
        lexical[places] = bm25(texts, map(code_of, words), self._passage_statistics)
        return np.flatnonzero(self._ids >= 0), dense.astype(np.float32) @ vector, lexical

    def score_sentences(
        self,
        rows: Rows,
        words: list[str],
        vector: Vectors,
        documents: Collection[str] | None,  # noqa: ARG002 (the rows are of these documents)
    ) -> tuple[Scores, Scores]:
        """Return the cosine and the BM25 score of each of these sentences, and keep their vectors."""
        parents = np.unique(self.sentences[rows, 0])
        texts: dict[int, Sequence[NDArray[np.uint32]]] = {}
        place = {number: int(row) for number, row in zip(self._ids[parents].tolist(), parents, strict=True)}
        for number, vectors, codes, lengths in self._database.rows(_SENTENCES, (list(place),)):
            range_of = self.sentence_rows(place[number])
            stop = range_of.start + len(unpack_vectors(vectors, self._dimension))
            self.sentence_vectors[range_of.start : stop] = unpack_vectors(vectors, self._dimension)
            texts[place[number]] = Passage.words_from(b"", codes, lengths)[1]
        empty = np.empty(0, np.uint32)
        asked = []
        for row, parent in zip(rows.tolist(), self.sentences[rows, 0].tolist(), strict=True):
            sentences = texts.get(parent, ())  # none where the document was taken out in between
            at = row - self.sentence_rows(parent).start
            asked.append(sentences[at] if at < len(sentences) else empty)
        dense = np.asarray(self.sentence_vectors[rows], np.float32) @ vector
        return dense, bm25(asked, map(code_of, words), self._sentence_statistics)

    def document_frequency(self, word: str) -> int:
        """Return how many passages hold `word`."""
        if word not in self._holding:
            self._look_up([word])
        return self._holding[word][0]

    def sentence_spans(self, document_id: str, start: int, end: int) -> list[tuple[int, int]]:
        """Return the reading ranges of a document's sentences that overlap `start:end`."""
        rows = self._database.rows(_SPANS, (document_id, end, start))
        spans = [span for row in rows for span in np.frombuffer(row[0], "<i4").reshape(-1, 3)[:, :2].tolist()]
        return [(low, high) for low, high in spans if low < end and high > start]

    @cached_property
    def _state(self) -> State:
        return State.read(self._database)

    @property
    def _passage_statistics(self) -> WordStatistics:
        holding = {code_of(word): counts[0] for word, counts in self._holding.items()}
        return WordStatistics(self._state.passages, self._state.passage_words, holding)

    @property
    def _sentence_statistics(self) -> WordStatistics:
        holding = {code_of(word): counts[1] for word, counts in self._holding.items()}
        return WordStatistics(self._state.sentences, self._state.sentence_words, holding)

    def _look_up(self, words: list[str]) -> None:
        codes = {code_of(word): word for word in words}
        found = self._database.rows(
            "SELECT code, passages, sentences FROM words WHERE code = ANY(%s)", (list(codes),)
        )
        self._holding.update(dict.fromkeys(words, (0, 0)))
        self._holding.update({codes[code]: (passages, sentences) for code, passages, sentences in found})

    def _fill(self, rows: Sequence[Row]) -> None:
        """Lay the passages out, with an empty one wherever the next does not follow in the same document."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(row[1] for row in rows))}
        passages: list[tuple[int, int, int, int, int]] = []
        sentences: list[NDArray[np.int64]] = [np.empty((0, 4), np.int64)]
        ids: list[int] = []
        first = 0

        def lay(number: int, place: tuple[int, int, int, int], table: NDArray[np.int64]) -> None:
            nonlocal first
            sentences.append(np.column_stack([np.full(len(table), len(ids)), table]))
            passages.append((*place, first))
            ids.append(number)
            first += len(table)

        for row in rows:
            if ids and row[0] != ids[-1] + 1:
                lay(-1, (len(numbers), -1, 0, 0), np.zeros((_GAP, 3), np.int64))
            table = np.frombuffer(row[7], "<i4").reshape(-1, 3).astype(np.int64)
            lay(row[0], (numbers[row[1]], row[2], row[3], row[4]), table)
        self.documents = (*numbers, "")  # the empty name is that of empty passages
        self.passages = np.array(passages, np.int64).reshape(-1, 5)
        self.sentences = np.concatenate(sentences)
        self.sentence_vectors = np.zeros((len(self.sentences), self._dimension), np.float16)
        self._ids = np.array(ids, np.int64)
        self._versions: dict[str, str] = {row[1]: row[8] for row in rows}


def _none(vector: Vectors) -> Vectors:
    return np.empty((0, len(vector)), np.float32)

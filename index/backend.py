"""What holds the passages, as the answerer sees it: one folder on this machine, or a cluster.

Whatever the backend, ranking, the assembly of spans, reading and refusal run on a `View`: small arrays whose
rows belong together, and the few questions to them that depend on the size of the index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from index.build import Ingested, Outcome, Source
from index.document_store import DocumentStore
from index.store import PassageRow
from index.types import DocumentRecord, Embedder, Progress, Rows, Scores, StoredDocument, Table, Vectors


class VectorRows(Protocol):
    """Rows of vectors, which need not be one array."""

    def __getitem__(self, rows: Any) -> Any: ...


class View(Protocol):
    """What one question sees. Passages or sentences that follow each other in a document have rows that do,
    and no others of one document have.

    `passages`, shape (n, 5): document number, ordinal, reading start, reading end, first sentence row.
    `sentences`, shape (m, 4): passage row, reading start, reading end, whether it is a heading.
    `sentence_vectors`, shape (m, dimension). `documents` lists document ids by number. Only rows that
    `candidates` and `score_sentences` gave need be filled.
    """

    @property
    def fingerprint(self) -> str:
        """A hash of what the index holds: equal for equal contents."""
        ...

    @property
    def document_count(self) -> int:
        """How many documents the index holds."""
        ...

    @property
    def passage_count(self) -> int:
        """How many passages the index holds."""
        ...

    @property
    def documents(self) -> Sequence[str]: ...

    @property
    def passages(self) -> Table: ...

    @property
    def sentences(self) -> Table: ...

    @property
    def sentence_vectors(self) -> VectorRows: ...

    def version(self, document_id: str) -> str:
        """Return the SHA-256 of the document that the rows were made from; '' where that is not known."""
        ...

    def sentence_rows(self, passage_row: int) -> range:
        """Return the rows of the sentences of a passage."""
        ...

    def candidates(
        self, words: list[str], vector: Vectors, limit: int, documents: Collection[str] | None
    ) -> tuple[Rows, Scores, Scores]:
        """Return the `limit` passages nearest to `vector`, the `limit` that match `words` best and the
        neighbours of all these: rows in ascending order, the cosine and the BM25 score (0 for no match) of each.

        `documents` leaves only documents with these ids in the search.
        """
        ...

    def score_sentences(
        self, rows: Rows, words: list[str], vector: Vectors, documents: Collection[str] | None
    ) -> tuple[Scores, Scores]:
        """Return the cosine and the BM25 score (0 for no match) of each of these sentences."""
        ...

    def document_frequency(self, word: str) -> int:
        """Return how many passages hold `word`, a stem that `index.lexical.terms` gave."""
        ...

    def sentence_spans(self, document_id: str, start: int, end: int) -> Sequence[tuple[int, int]]:
        """Return the reading ranges of all sentences of a document that overlap `start:end`, in order."""
        ...


class Backend(Protocol):
    """An open index, safe to share between threads. `index.library.Library` says what each method does."""

    @property
    def embedder(self) -> Embedder: ...

    @property
    def store(self) -> DocumentStore:
        """Where the documents are; what is put there is seen once `refresh` has returned."""
        ...

    def snapshot(self) -> View:
        """Return what a question that is asked now sees."""
        ...

    def add(
        self,
        data: bytes,
        name: str,
        *,
        origin: str = "",
        progress: Progress | None = None,
        publishing: bool = True,
    ) -> Ingested: ...

    def add_all(self, sources: Sequence[Source], progress: Progress | None = None) -> Iterator[Outcome]: ...

    def remove(self, document_id: str) -> None: ...

    def refresh(self) -> None: ...

    def documents(self) -> list[DocumentRecord]: ...

    def record(self, document_id: str) -> DocumentRecord: ...

    def document(self, document_id: str, version: str = "") -> StoredDocument: ...

    def reread(self, document_id: str) -> StoredDocument: ...

    def original(self, document_id: str) -> bytes | None: ...

    def keeps_original(self, document_id: str) -> bool: ...

    def passages(self) -> Iterator[PassageRow]:
        """Yield all passages, document by document, each document's in reading order."""
        ...

    def close(self) -> None: ...

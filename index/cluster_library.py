"""An open index on a cluster: the same as `index.library.Library`, for any number of processes at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from index.build import Indexer, Ingested, Outcome, Source
from index.cluster_database import Database
from index.cluster_engine import Address, Engine
from index.cluster_store import ClusterStore
from index.cluster_view import ClusterView
from index.library import DocumentCache
from index.store import PassageRow
from index.types import DocumentRecord, Embedder, Progress, StoredDocument


class ClusterLibrary:
    """A `Backend` on Qdrant and PostgreSQL. Every process sees a change as soon as the call that made it returns."""

    def __init__(self, store: ClusterStore, embedder: Embedder) -> None:
        self.embedder = embedder
        self.store = store
        self._indexer = Indexer(store, embedder)
        self._cache = DocumentCache(store)

    @classmethod
    def open(
        cls, engine: Address, database: str, embedder: Embedder, *, create: bool = False
    ) -> ClusterLibrary:
        """Open the index of a cluster; `create` makes an empty one where there is none.

        Raises the errors of `index.errors`.
        """
        truth = Database(database)
        try:
            if create:
                truth.create(embedder.name, embedder.dimension)
            truth.check(embedder.name, embedder.dimension)
        except BaseException:
            truth.close()
            raise
        library = cls(ClusterStore(truth, Engine(engine, embedder.dimension), embedder.dimension), embedder)
        if create:
            with truth.alone():
                if not truth.rows("SELECT FROM collections"):
                    library.store.rebuild(_new_name())
        return library

    def close(self) -> None:
        """Close all connections. The library must not be used afterwards."""
        self.store.engine.close()
        self.store.database.close()

    def snapshot(self) -> ClusterView:
        """Return what a question that is asked now sees."""
        return ClusterView(
            self.store.database, self.store.engine, self.embedder.name, self.embedder.dimension
        )

    def add(
        self,
        data: bytes,
        name: str,
        *,
        origin: str = "",
        progress: Progress | None = None,
        publishing: bool = True,
    ) -> Ingested:
        """Add or replace a document (see `Indexer.add`). `publishing=False` leaves statistics to `refresh`."""
        result = self._indexer.add(data, name, origin=origin, progress=progress)
        if publishing and result.outcome != "unchanged":
            self.store.fold_words()
        return result

    def add_all(self, sources: Sequence[Source], progress: Progress | None = None) -> Iterator[Outcome]:
        """Add or replace documents (see `Indexer.add_all`). Statistics are left to `refresh`."""
        return self._indexer.add_all(sources, progress)

    def remove(self, document_id: str) -> None:
        """Remove a document. Raises `UnknownDocumentError`."""
        self.store.remove(document_id)
        self.store.fold_words()

    def refresh(self) -> None:
        """Bring the statistics up to date, and the engine in step where a writer stopped half-way."""
        self.store.settle()
        self.store.fold_words()

    def rebuild(self) -> None:
        """Make the engine's collection again from PostgreSQL and switch to it without a gap."""
        with self.store.database.alone():
            self.store.rebuild(_new_name())

    def documents(self) -> list[DocumentRecord]:
        """Return all documents, oldest first."""
        return self.store.documents()

    def record(self, document_id: str) -> DocumentRecord:
        """Return one document's record. Raises `UnknownDocumentError`."""
        return self.store.record(document_id)

    def document(self, document_id: str, version: str = "") -> StoredDocument:
        """Return one document with its texts; `version` is the SHA-256 that it must have, as a view says.

        Raises `UnknownDocumentError`, and `ChangedError` where that version is no longer to be had.
        """
        return self._cache.get(document_id, version)

    def reread(self, document_id: str) -> StoredDocument:
        """Return one document as PostgreSQL has it, whatever is held in memory. Raises as `document` does."""
        return self.store.document(document_id)

    def original(self, document_id: str) -> bytes | None:
        """Return the bytes that a document was read from, where they are kept."""
        return self.store.original(document_id)

    def keeps_original(self, document_id: str) -> bool:
        """Say whether `original` has the bytes of a document."""
        return self.store.keeps_original(document_id)

    def passages(self) -> Iterator[PassageRow]:
        """Yield all passages, document by document, each document's in reading order."""
        return self.store.passages()


def _new_name() -> str:
    """Return a name for a collection that no other has."""
    return f"pincite-{uuid.uuid4().hex[:12]}"


def stored_cluster_model(url: str) -> str | None:
    """Return the name of the embedding model that the index in a database was made with, if there is one."""
    database = Database(url)
    try:
        return database.model()
    finally:
        database.close()

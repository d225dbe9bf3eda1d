"""An open index: documents in, a current snapshot out, safe to share between threads."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from index.build import Indexer, Ingested, Outcome, Source
from index.document_store import DocumentSource
from index.errors import ChangedError, NoSpaceError, UnknownDocumentError
from index.publishing import is_trusted, publish, published, verify
from index.snapshot import Snapshot
from index.storage import storing
from index.store import PassageRow, Store
from index.types import DocumentRecord, Embedder, Progress, StoredDocument

_log = logging.getLogger("pincite")
_CACHED_CHARACTERS = 50_000_000


class Library:
    """The documents of one index folder and the snapshot that questions run on.

    Changes are made one at a time and are published before the call that made them returns. Changes by other
    processes are seen with the next call of `snapshot`.
    """

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self.embedder = embedder
        self._store = store
        self._indexer = Indexer(store, embedder)
        self._writing = threading.Lock()
        self._cache = DocumentCache(store)
        self._snapshot = _newest(store)
        self._closed = threading.Event()
        if is_trusted(store):
            threading.Thread(target=self._check, name="check", daemon=True).start()

    @classmethod
    def open(cls, folder: Path, embedder: Embedder) -> Library:
        """Open the index in `folder`. Raises the errors of `index.errors`; never makes a new one."""
        return cls(Store(folder, embedder.name, embedder.dimension), embedder)

    @classmethod
    def create(cls, folder: Path, embedder: Embedder) -> Library:
        """Open the index in `folder`, making an empty one where there is none."""
        return cls(Store.create(folder, embedder.name, embedder.dimension), embedder)

    def close(self) -> None:
        """Close the store. The library must not be used afterwards."""
        self._closed.set()
        self._store.close()

    @property
    def store(self) -> Store:
        """Where the documents are; what is put there is seen once `refresh` has returned."""
        return self._store

    def snapshot(self) -> Snapshot:
        """Return the newest published snapshot."""
        if self._store.published() != self._snapshot.generation and self._writing.acquire(blocking=False):
            try:
                self._snapshot = publish(self._store)
            finally:
                self._writing.release()
        return self._snapshot

    def add(
        self,
        data: bytes,
        name: str,
        *,
        origin: str = "",
        progress: Progress | None = None,
        publishing: bool = True,
    ) -> Ingested:
        """Add or replace a document (see `Indexer.add`). `publishing=False` leaves that to `refresh`.

        Raises `NoSpaceError`, too: a document that was new is not there then.
        """
        with storing("nothing was changed"):
            result = self._indexer.add(data, name, origin=origin, progress=progress)
        if publishing and (result.outcome != "unchanged" or self._behind()):
            try:
                self.refresh()
            except NoSpaceError:
                if result.outcome == "added":
                    with storing("the document is kept, but not found until there is space"):
                        self._store.remove(result.document.id)
                raise
        return result

    def add_all(self, sources: Sequence[Source], progress: Progress | None = None) -> Iterator[Outcome]:
        """Add or replace documents (see `Indexer.add_all`). Publishing is left to `refresh`."""
        return self._indexer.add_all(sources, progress)

    def remove(self, document_id: str) -> None:
        """Remove a document. Raises `UnknownDocumentError`, and `NoSpaceError` where that cannot be written."""
        with storing("nothing was changed"):
            self._store.remove(document_id)
        self.refresh()

    def refresh(self) -> None:
        """Publish what is committed. Raises `NoSpaceError`: questions go on with what was published before."""
        with self._writing, storing("what was published before answers on"):
            self._snapshot = publish(self._store)

    def _behind(self) -> bool:
        """Say whether something is committed that could not be published."""
        return self._store.generation() != self._snapshot.generation

    def _check(self) -> None:
        """Hash a snapshot that was opened on trust, and have it made again if it is damaged."""
        try:
            intact = verify(self._store)
        except sqlite3.ProgrammingError:
            if self._closed.is_set():
                return
            raise
        if not intact and not self._closed.is_set():
            _log.warning("the snapshot in %s is damaged and is made again", self._store.folder)
            self.refresh()

    def documents(self) -> list[DocumentRecord]:
        """Return all documents, oldest first."""
        return self._store.documents()

    def record(self, document_id: str) -> DocumentRecord:
        """Return one document's record. Raises `UnknownDocumentError`."""
        return self._store.record(document_id)

    def document(self, document_id: str, version: str = "") -> StoredDocument:
        """Return one document with its texts; `version` is the SHA-256 that it must have, as a snapshot says.

        Raises `UnknownDocumentError`, and `ChangedError` where that version is no longer to be had.
        """
        return self._cache.get(document_id, version)

    def original(self, document_id: str) -> bytes | None:
        """Return the bytes that a document was read from, where they are kept (see `Store.original`)."""
        return self._store.original(document_id)

    def keeps_original(self, document_id: str) -> bool:
        """Say whether `original` has the bytes of a document."""
        return self._store.keeps_original(document_id)

    def reread(self, document_id: str) -> StoredDocument:
        """Return one document as the store has it, whatever is held in memory. Raises as `document` does."""
        return self._store.document(document_id)

    def passages(self) -> Iterator[PassageRow]:
        """Yield all passages, document by document, each document's in reading order."""
        return self._store.passages()


def _newest(store: Store) -> Snapshot:
    """Return the snapshot of what is committed or, where the disk takes no more, the one that is there."""
    try:
        with storing("what was published before answers on"):
            return publish(store)
    except NoSpaceError as error:
        _log.warning("%s", error)
        snapshot = published(store)
        if snapshot is None:
            raise
        return snapshot


class DocumentCache:
    """The documents used last, as long as they hold fewer than `_CACHED_CHARACTERS` together."""

    def __init__(self, store: DocumentSource) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._held: OrderedDict[str, StoredDocument] = OrderedDict()
        self._characters = 0

    def get(self, document_id: str, version: str) -> StoredDocument:
        if version:
            return self._get_version(document_id, version)
        record = self._store.record(document_id)
        with self._lock:
            held = self._held.get(document_id)
            if held is not None and held.record.sha256 == record.sha256:
                self._held.move_to_end(document_id)
                return held
        document = self._store.document(document_id)
        with self._lock:
            replaced = self._held.pop(document_id, None)
            self._characters += len(document.source) - (len(replaced.source) if replaced else 0)
            self._held[document_id] = document
            while self._characters > _CACHED_CHARACTERS and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                self._characters -= len(dropped.source)
        return document

    def _get_version(self, document_id: str, version: str) -> StoredDocument:
        with self._lock:
            held = self._held.get(document_id)
            if held is not None and held.record.sha256 == version:
                self._held.move_to_end(document_id)
                return held
        try:
            document = self.get(document_id, "")
        except UnknownDocumentError as error:
            raise ChangedError(f"document {document_id!r} was removed meanwhile: ask again") from error
        if document.record.sha256 != version:
            raise ChangedError(f"document {document_id!r} was replaced meanwhile: ask again")
        return document

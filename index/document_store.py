"""Where an `index.build.Indexer` keeps documents, and where they are read from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from index.store import PassageRow
from index.types import DocumentRecord, StoredDocument, Vectors
from ingest.chunking import Chunks
from ingest.reading import Reading
from ingest.types import Document


class DocumentSource(Protocol):
    """Where documents are read from. Both methods raise `UnknownDocumentError`."""

    def record(self, document_id: str) -> DocumentRecord: ...

    def document(self, document_id: str) -> StoredDocument: ...


class DocumentStore(DocumentSource, Protocol):
    """Where documents are kept; `index.store.Store` says what each method does."""

    def find_bytes(self, sha256: str) -> DocumentRecord | None: ...

    def find_id(self, document_id: str) -> DocumentRecord | None: ...

    def passages(self, document_id: str | None = None) -> Iterator[PassageRow]: ...

    def keep_original(self, document_id: str, data: bytes) -> None: ...

    def put(
        self,
        record: DocumentRecord,
        document: Document,
        reading: Reading,
        chunks: Chunks,
        vectors: Vectors,
        sentence_vectors: Vectors,
        replaces: str | None = None,
        original: bytes | None = None,
    ) -> None: ...

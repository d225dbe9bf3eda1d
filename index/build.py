"""Documents into an index, one transaction a document."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from index.store import Store, now
from index.texts import passage_text, sentence_text
from index.types import DocumentRecord, Embedder, Progress
from ingest.chunking import chunk
from ingest.readers import read_document
from ingest.repair import repair

_WITH_PAGES = frozenset(("application/pdf",))
"""Formats whose original is kept, so that a page can be shown as a picture."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one document."""

    outcome: Literal["added", "replaced", "unchanged"]
    document: DocumentRecord


class Indexer:
    """Reads, chunks, embeds and stores documents. Publishing a snapshot of the result is the caller's."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def add(self, data: bytes, name: str, *, origin: str = "", progress: Progress | None = None) -> Ingested:
        """Read `data` and store it as a document.

        `name` is what people call it, `origin` what it is known by when it comes again with other bytes (a
        path, say); without one the bytes themselves are its identity. The id follows from the origin, so it
        stays the same. Bytes that are already there change nothing.

        Raises `ingest.readers.ReadError` for what cannot be read and `index.errors.ConflictError` when
        another writer was faster.
        """
        digest = hashlib.sha256(data).hexdigest()
        same = self._store.find_bytes(digest)
        document_id = document_id_of(origin or digest)
        earlier = self._store.find_id(document_id)
        unchanged = earlier if earlier is not None and earlier.sha256 == digest else None
        if earlier is None:
            unchanged = same
        if unchanged is not None:
            if unchanged.media_type in _WITH_PAGES:  # an earlier version may not have kept it
                self._store.keep_original(unchanged.id, data)
            return Ingested("unchanged", unchanged)
        document = read_document(data, name)
        reading = repair(document)
        chunks = chunk(reading)
        passages = [passage_text(document.title, reading, p.start, p.end) for p in chunks.passages]
        sentences = [sentence_text(reading, s.start, s.end) for s in chunks.sentences]
        vectors = self._embedder.embed_passages([*passages, *sentences], progress)
        record = DocumentRecord(
            document_id,
            origin or digest,
            document.title,
            digest,
            document.media_type,
            earlier.added_at if earlier else now(),
            len(document.source),
            len(passages),
        )
        self._store.put(
            record,
            document,
            reading,
            chunks,
            vectors[: len(passages)],
            vectors[len(passages) :],
            replaces=earlier.sha256 if earlier else None,
            original=data if document.media_type in _WITH_PAGES else None,
        )
        return Ingested("replaced" if earlier else "added", record)


def document_id_of(origin: str) -> str:
    """Return the id of the document that came from `origin`: 16 hexadecimal digits."""
    return hashlib.sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()[:16]

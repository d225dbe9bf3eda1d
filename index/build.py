"""Documents into an index, one transaction a document."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.document_store import DocumentStore
from index.errors import UnknownDocumentError
from index.store import now
from index.texts import passage_text, sentence_text
from index.types import DocumentRecord, Embedder, Progress, Vectors
from ingest.chunking import Chunks, chunk
from ingest.readers import ReadError, read_document
from ingest.reading import Reading
from ingest.repair import repair
from ingest.types import Document

_WITH_PAGES = frozenset(("application/pdf",))
"""Formats whose original is kept, so that a page can be shown as a picture."""
_BATCH_TEXTS = 1024
"""Texts of several documents that are embedded together: enough that all cores have batches of like length."""
_READERS, _AHEAD = 2, 8
"""Documents that are read at once, and those that may be ready or being read ahead of the embedding."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one document."""

    outcome: Literal["added", "replaced", "unchanged"]
    document: DocumentRecord


Outcome = Ingested | ReadError | OSError
"""What became of one of many documents, or why it could not be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that may be added. `read` gives its bytes when its turn comes; `size` is how many to expect."""

    name: str
    origin: str
    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A document as it was read, with the texts to embed: its passages', then its sentences'.

    `known` are vectors of such texts that an earlier version of the document has.
    """

    record: DocumentRecord
    document: Document
    reading: Reading
    chunks: Chunks
    texts: list[str]
    known: dict[str, NDArray[np.float16]]
    earlier: DocumentRecord | None
    original: bytes | None


class Indexer:
    """Reads, chunks, embeds and stores documents. Publishing a snapshot of the result is the caller's."""

    def __init__(self, store: DocumentStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def add(self, data: bytes, name: str, *, origin: str = "", progress: Progress | None = None) -> Ingested:
        """Read `data` and store it as a document.

        `name` is what people call it, `origin` what it is known by when it comes again with other bytes (a
        path, say); without one the bytes themselves are its identity. The id follows from the origin, so it
        stays the same. Bytes that are already there change nothing, and of a changed document only texts that
        it did not have are embedded.

        Raises `ingest.readers.ReadError` for what cannot be read and `index.errors.ConflictError` when
        another writer was faster.
        """
        prepared = self._prepare(data, name, origin)
        if isinstance(prepared, Ingested):
            return prepared
        vectors = self._embedded([prepared], progress or _unseen)
        return self._put(prepared, vectors)

    def add_all(self, sources: Sequence[Source], progress: Progress | None = None) -> Iterator[Outcome]:
        """Add documents, each as `add` does, and yield what became of each in their order.

        The next ones are read and chunked while some are embedded, and small ones are embedded together.
        `progress` counts bytes of sources. Closing the iterator early leaves out the rest.
        """
        total = sum(source.size for source in sources)
        done = 0
        for batch in self._batches(sources):
            size = sum(source.size for source, _ in batch)
            new = [each for _, each in batch if isinstance(each, _Prepared)]

            def seen(embedded: int, texts: int, done: int = done, size: int = size) -> None:
                if progress is not None:
                    progress(done + size * embedded // max(texts, 1), total)

            vectors = self._embedded(new, seen)
            for _, each in batch:
                yield self._put(each, vectors) if isinstance(each, _Prepared) else each
            done += size
            seen(0, 1, done)

    def _batches(self, sources: Sequence[Source]) -> Iterator[list[tuple[Source, _Prepared | Outcome]]]:
        """Yield sources prepared, as many together as have `_BATCH_TEXTS` texts, while others are being prepared."""
        batch: list[tuple[Source, _Prepared | Outcome]] = []
        texts = 0
        with ThreadPoolExecutor(_READERS, "read") as readers:
            waiting = deque(sources)
            running: deque[tuple[Source, Future[_Prepared | Outcome]]] = deque()
            try:
                while waiting or running:
                    while waiting and len(running) < _AHEAD:
                        source = waiting.popleft()
                        running.append((source, readers.submit(self._read, source)))
                    source, reading = running.popleft()
                    prepared = reading.result()
                    batch.append((source, prepared))
                    texts += len(prepared.texts) if isinstance(prepared, _Prepared) else 0
                    if texts >= _BATCH_TEXTS:
                        yield batch
                        batch, texts = [], 0
                if batch:
                    yield batch
            finally:
                readers.shutdown(cancel_futures=True)

    def _read(self, source: Source) -> _Prepared | Outcome:
        try:
            return self._prepare(source.read(), source.name, source.origin)
        except (ReadError, OSError) as error:
            return error

    def _prepare(self, data: bytes, name: str, origin: str) -> _Prepared | Ingested:
        digest = hashlib.sha256(data).hexdigest()
        document_id = document_id_of(origin or digest)
        earlier = self._store.find_id(document_id)
        unchanged = self._unchanged(earlier, digest, data)
        if unchanged is not None:
            return unchanged
        document = read_document(data, name)
        reading = repair(document)
        chunks = chunk(reading)
        passages = [passage_text(document.title, reading, p.start, p.end) for p in chunks.passages]
        sentences = [sentence_text(reading, s.start, s.end) for s in chunks.sentences]
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
        original = data if document.media_type in _WITH_PAGES else None
        known = self._vectors_of(earlier) if earlier else {}
        return _Prepared(record, document, reading, chunks, passages + sentences, known, earlier, original)

    def _unchanged(self, earlier: DocumentRecord | None, digest: str, data: bytes) -> Ingested | None:
        """Return the document that has these bytes already, if `earlier`, or in its absence any one, has."""
        found = self._store.find_bytes(digest) if earlier is None else earlier
        if found is None or found.sha256 != digest:
            return None
        if found.media_type in _WITH_PAGES:  # an earlier version may not have kept it
            self._store.keep_original(found.id, data)
        return Ingested("unchanged", found)

    def _vectors_of(self, record: DocumentRecord) -> dict[str, NDArray[np.float16]]:
        """Return the vectors of a stored document's passages and sentences by the texts that were embedded."""
        known = {}
        try:
            held = self._store.document(record.id)
        except UnknownDocumentError:  # removed meanwhile
            return {}
        for row in self._store.passages(record.id):
            known[passage_text(held.record.title, held.reading, row.start, row.end)] = row.vector
            for (start, end, _), vector in zip(row.sentences.tolist(), row.sentence_vectors, strict=True):
                known[sentence_text(held.reading, start, end)] = vector
        return known

    def _embedded(self, prepared: Sequence[_Prepared], progress: Progress) -> dict[str, Vectors]:
        """Return the vectors of all texts of these documents. Each text that has none is embedded once."""
        known = {text: vector.astype(np.float32) for each in prepared for text, vector in each.known.items()}
        new = list({text: None for each in prepared for text in each.texts if text not in known})
        vectors = self._embedder.embed_passages(new, progress)
        return known | dict(zip(new, vectors, strict=True))

    def _put(self, prepared: _Prepared, vectors: dict[str, Vectors]) -> Ingested:
        record, earlier = prepared.record, prepared.earlier
        if earlier is None and (same := self._store.find_bytes(record.sha256)) is not None:
            return Ingested("unchanged", same)  # the same bytes came just before, under another name
        rows = np.stack([vectors[text] for text in prepared.texts])
        self._store.put(
            record,
            prepared.document,
            prepared.reading,
            prepared.chunks,
            rows[: record.passages],
            rows[record.passages :],
            replaces=earlier.sha256 if earlier else None,
            original=prepared.original,
        )
        return Ingested("replaced" if earlier else "added", record)


def _unseen(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def document_id_of(origin: str) -> str:
    """Return the id of the document that came from `origin`: 16 hexadecimal digits."""
    return hashlib.sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()[:16]

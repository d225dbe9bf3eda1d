"""Documents, passages, sentences and vectors in one SQLite file: the truth that snapshots are made from."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.codec import pack_reading, pack_text, pack_vectors, unpack_reading, unpack_text, unpack_vectors
from index.errors import (
    BusyError,
    ConflictError,
    DamagedIndexError,
    FormatError,
    MissingIndexError,
    ModelMismatchError,
    NoSpaceError,
    UnknownDocumentError,
)
from index.schema import FORMAT, SCHEMA, UPGRADES
from index.types import DocumentRecord, StoredDocument, Vectors
from ingest.boxes import Boxes
from ingest.chunking import Chunks
from ingest.reading import Reading
from ingest.types import Document

FILE = "pincite.sqlite"
BUSY_SECONDS = 30.0
KEPT_BYTES = 64_000_000
"""The largest original that is kept beside what was read from it."""


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage as stored. `sentences` has rows of (start, end, heading), in reading offsets."""

    document_id: str
    ordinal: int
    start: int
    end: int
    vector: NDArray[np.float16]
    sentences: NDArray[np.int32]
    sentence_vectors: NDArray[np.float16]


class Entry(NamedTuple):
    """A document and the number of its first passage (0 for none), which is another one once it was put again."""

    document_id: str
    sha256: str
    first_passage: int


class Store:
    """One index folder's durable part. Safe to use from several threads; writers wait for each other.

    Raises `MissingIndexError`, `DamagedIndexError`, `FormatError` or `ModelMismatchError` when opened on what
    it should not touch; nothing is written then.
    """

    def __init__(self, folder: Path, model: str, dimension: int) -> None:
        self.folder = folder
        self.model = model
        self.dimension = dimension
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closing = threading.Lock()
        self._check_meta()

    @classmethod
    def create(cls, folder: Path, model: str, dimension: int) -> Store:
        """Open the store in `folder`, making an empty one where there is none."""
        if not (folder / FILE).exists():
            folder.mkdir(parents=True, exist_ok=True)
            connection = _connect(folder / FILE)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                    for statement in SCHEMA.split(";\n"):
                        connection.execute(statement)
                    meta = {"format": FORMAT, "model": model, "dimension": dimension, "generation": 0}
                    connection.executemany(
                        "INSERT INTO meta VALUES (?, ?)", [(k, str(v)) for k, v in meta.items()]
                    )
                connection.execute("COMMIT")
            finally:
                connection.close()
        return cls(folder, model, dimension)

    def close(self) -> None:
        """Close every connection. The store must not be used afterwards."""
        with self._closing:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def generation(self) -> int:
        """Return the number of changes committed so far."""
        return int(self._meta("generation"))

    def documents(self) -> list[DocumentRecord]:
        """Return all documents, oldest first."""
        rows = self._read.execute(f"{_RECORD} ORDER BY d.added_at, d.id")
        return [DocumentRecord(*row) for row in rows]

    def record(self, document_id: str) -> DocumentRecord:
        """Return one document's record. Raises `UnknownDocumentError`."""
        row = self._read.execute(f"{_RECORD} WHERE d.id = ?", (document_id,)).fetchone()
        if row is None:
            raise UnknownDocumentError(f"no document has the id {document_id!r}")
        return DocumentRecord(*row)

    def find_bytes(self, sha256: str) -> DocumentRecord | None:
        """Return the document made from bytes with this hash, if there is one."""
        row = self._read.execute(
            "SELECT id FROM documents WHERE sha256 = ? ORDER BY id", (sha256,)
        ).fetchone()
        return self.record(row[0]) if row else None

    def find_id(self, document_id: str) -> DocumentRecord | None:
        """Return the document with this id, if there is one."""
        try:
            return self.record(document_id)
        except UnknownDocumentError:
            return None

    def document(self, document_id: str) -> StoredDocument:
        """Return one document with its texts. Raises `UnknownDocumentError`."""
        record = self.record(document_id)
        row = self._read.execute(
            "SELECT source, reading, boxes FROM documents WHERE id = ?", (document_id,)
        ).fetchone()
        if row is None:
            raise UnknownDocumentError(f"no document has the id {document_id!r}")
        boxes = Boxes.from_bytes(row[2]) if row[2] is not None else None
        return StoredDocument(record, unpack_text(row[0]), unpack_reading(row[1]), boxes)

    def contents(self) -> list[Entry]:
        """Return what documents there are, in the order of their passages."""
        rows = self._read.execute(
            "SELECT d.id, d.sha256, coalesce(p.id, 0) AS first FROM documents d"
            " LEFT JOIN passages p ON p.document_id = d.id AND p.ordinal = 0 ORDER BY first, d.id"
        )
        return [Entry(*row) for row in rows]

    def passage_count(self, document_ids: Sequence[str]) -> int:
        """Return how many passages these documents have."""
        count = "SELECT count(*) FROM passages WHERE document_id = ?"
        return sum(self._read.execute(count, (name,)).fetchone()[0] for name in document_ids)

    def passages(self, document_id: str | None = None) -> Iterator[PassageRow]:
        """Yield all passages, document by document, each document's in reading order; or those of one document."""
        columns = "document_id, ordinal, start, stop, vector, sentences, sentence_vectors"
        if document_id is None:
            rows = self._read.execute(f"SELECT {columns} FROM passages ORDER BY id")  # noqa: S608
        else:
            rows = self._read.execute(
                f"SELECT {columns} FROM passages WHERE document_id = ? ORDER BY ordinal",  # noqa: S608
                (document_id,),
            )
        for name, ordinal, start, stop, vector, sentences, sentence_vectors in rows:
            yield PassageRow(
                name,
                ordinal,
                start,
                stop,
                unpack_vectors(vector, self.dimension)[0],
                np.frombuffer(sentences, "<i4").reshape(-1, 3),
                unpack_vectors(sentence_vectors, self.dimension),
            )

    def original(self, document_id: str) -> bytes | None:
        """Return the bytes that a document was read from, where they are kept: those of formats with pages."""
        row = self._read.execute(
            "SELECT data FROM originals WHERE document_id = ?", (document_id,)
        ).fetchone()
        return bytes(row[0]) if row else None

    def keeps_original(self, document_id: str) -> bool:
        """Say whether `original` has the bytes of a document."""
        row = self._read.execute("SELECT 1 FROM originals WHERE document_id = ?", (document_id,)).fetchone()
        return row is not None

    def keep_original(self, document_id: str, data: bytes) -> None:
        """Keep the bytes of a document that is there, unless they are there too or larger than `KEPT_BYTES`."""
        if len(data) <= KEPT_BYTES and not self.keeps_original(document_id):
            with self._write(counts=False) as connection:
                connection.execute("INSERT OR IGNORE INTO originals VALUES (?, ?)", (document_id, data))

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
    ) -> None:
        """Add a document, or replace the one with its id, in one transaction.

        `replaces` is the SHA-256 of the bytes that the caller saw under this id (None for no document).
        Raises `ConflictError` when something else stands there by now, `BusyError` when another process
        keeps the store locked. `original` is kept beside the document unless it is larger than `KEPT_BYTES`.
        """
        with self._write() as connection:
            row = connection.execute("SELECT sha256 FROM documents WHERE id = ?", (record.id,)).fetchone()
            found = row[0] if row else None
            if found != replaces:
                raise ConflictError(f"document {record.id!r} was changed by another writer: send it again")
            connection.execute("DELETE FROM documents WHERE id = ?", (record.id,))
            connection.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    record.id,
                    record.origin,
                    record.title,
                    record.sha256,
                    record.media_type,
                    record.added_at,
                    record.characters,
                    pack_text(document.source),
                    pack_reading(reading),
                    document.boxes.to_bytes() if document.boxes else None,
                ),
            )
            if original is not None and len(original) <= KEPT_BYTES:
                connection.execute("INSERT INTO originals VALUES (?, ?)", (record.id, original))
            connection.executemany(
                "INSERT INTO passages (document_id, ordinal, start, stop, vector, sentences, sentence_vectors)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                _passage_rows(record.id, chunks, vectors, sentence_vectors),
            )

    def remove(self, document_id: str) -> None:
        """Remove a document with all that was made from it. Raises `UnknownDocumentError`."""
        with self._write() as connection:
            if connection.execute("DELETE FROM documents WHERE id = ?", (document_id,)).rowcount == 0:
                raise UnknownDocumentError(f"no document has the id {document_id!r}")

    @contextmanager
    def view(self) -> Iterator[None]:
        """Let this thread see one unchanging state of the store while the body runs."""
        self._read.execute("BEGIN")
        try:
            yield
        finally:
            self._read.rollback()

    def snapshot_files(self, generation: int) -> dict[str, str]:
        """Return the SHA-256 of each file of the snapshot of `generation`; empty when there is none."""
        rows = self._read.execute("SELECT file, sha256 FROM snapshots WHERE generation = ?", (generation,))
        return dict(rows.fetchall())

    def published(self) -> int:
        """Return the newest generation that has a snapshot, -1 when none has."""
        row = self._read.execute("SELECT max(generation) FROM snapshots").fetchone()
        return -1 if row[0] is None else int(row[0])

    @contextmanager
    def publishing(self, generation: int, files: dict[str, str]) -> Iterator[None]:
        """Record the files of a snapshot, once the body has put them in place; other snapshots are forgotten."""
        with self._write(counts=False) as connection:
            yield
            connection.execute("DELETE FROM snapshots")
            rows = [(generation, name, digest) for name, digest in files.items()]
            connection.executemany("INSERT INTO snapshots VALUES (?, ?, ?)", rows)

    @contextmanager
    def _write(self, *, counts: bool = True) -> Iterator[sqlite3.Connection]:
        connection = self._read
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise BusyError(
                f"another process has been writing to {self.folder} for {BUSY_SECONDS:.0f} s: try again"
            ) from error
        try:
            yield connection
            if counts:
                connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'generation'")
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise

    @property
    def _read(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = _connect(self.folder / FILE)
            self._local.connection = connection
            with self._closing:
                self._connections.append(connection)
        return connection

    def _meta(self, key: str) -> str:
        row = self._read.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise DamagedIndexError(f"{self.folder / FILE} has no {key!r}: restore it from a backup")
        return str(row[0])

    def _check_meta(self) -> None:
        path = self.folder / FILE
        if not path.exists():
            raise MissingIndexError(
                f"there is no index in {self.folder}: make one with `pincite ingest PATH --index ...`"
            )
        try:
            found = int(self._meta("format"))
            model, dimension = self._meta("model"), int(self._meta("dimension"))
        except sqlite3.DatabaseError as error:
            self.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN:
                raise NoSpaceError(
                    f"{self.folder} cannot be written to, which an open index needs: see to its rights and its disk"
                ) from error
            raise _damaged(path, error) from error
        if found in UPGRADES:
            found = self._upgrade()
        if found != FORMAT:
            self.close()
            raise FormatError(
                f"{path} has format {found}, this version reads {FORMAT}: use the version that wrote it"
            )
        if (model, dimension) != (self.model, self.dimension):
            self.close()
            raise ModelMismatchError(
                f"{self.folder} was made with {model} ({dimension} dimensions), the model at hand is {self.model} "
                f"({self.dimension}): choose that model again, or ingest into a new folder"
            )

    def _upgrade(self) -> int:
        """Bring a store of an earlier format up to this one, in one transaction. Nothing in it is lost."""
        with self._write(counts=False) as connection:
            found = int(self._meta("format"))  # another process may have been faster
            while found in UPGRADES:
                connection.execute(UPGRADES[found])
                found += 1
            connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", (str(found),))
        return found


def stored_model(folder: Path) -> str | None:
    """Return the name of the embedding model that the index in `folder` was made with, if there is one."""
    if not (folder / FILE).exists():
        return None
    connection = _connect(folder / FILE)
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'model'").fetchone()
    except sqlite3.DatabaseError as error:
        raise _damaged(folder / FILE, error) from error
    finally:
        connection.close()
    return str(row[0]) if row else None


def now() -> str:
    """Return the time in UTC, to the microsecond, in a form that sorts."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


_RECORD = """
SELECT d.id, d.origin, d.title, d.sha256, d.media_type, d.added_at, d.characters,
    (SELECT coalesce(max(ordinal) + 1, 0) FROM passages WHERE document_id = d.id)
FROM documents d
"""


def _damaged(path: Path, error: sqlite3.DatabaseError) -> DamagedIndexError:
    return DamagedIndexError(f"{path} is not a Pincite store ({error}): restore it from a backup")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _passage_rows(
    document_id: str, chunks: Chunks, vectors: Vectors, sentence_vectors: Vectors
) -> Iterator[Sequence[object]]:
    assert len(vectors) == len(chunks.passages), f"{len(vectors)} vectors for {len(chunks.passages)} passages"
    assert len(sentence_vectors) == len(chunks.sentences), (
        f"{len(sentence_vectors)} vectors for {len(chunks.sentences)} sentences"
    )
    table = np.array([(s.start, s.end, s.heading) for s in chunks.sentences], "<i4").reshape(-1, 3)
    parents = np.array([s.passage for s in chunks.sentences], np.int64)
    for passage, vector in zip(chunks.passages, vectors, strict=True):
        low, high = np.searchsorted(parents, [passage.ordinal, passage.ordinal + 1])
        yield (
            document_id,
            passage.ordinal,
            passage.start,
            passage.end,
            pack_vectors(vector),
            table[low:high].tobytes(),
            pack_vectors(sentence_vectors[low:high]),
        )

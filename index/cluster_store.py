"""A cluster's documents: PostgreSQL holds the truth, the engine is kept in step with it.

A document is written in this order, under its lock: what is about to change is noted, its passages are put
into the engine under ids that nobody knows yet, one transaction makes them the document's passages, the earlier
ones are taken out of the engine. Whatever stops in between leaves points that no passage belongs to, which
questions pass over, and a note, by which `settle` removes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple

import numpy as np
import psycopg

from index.cluster_database import Database, Row
from index.cluster_engine import Engine
from index.cluster_rows import Passage, passages_of, tally
from index.cluster_schema import ORDINALS
from index.codec import pack_reading, pack_text, unpack_reading, unpack_text, unpack_vectors
from index.errors import ConflictError, UnknownDocumentError
from index.fingerprint import MODULUS, mark
from index.store import KEPT_BYTES, PassageRow
from index.types import DocumentRecord, StoredDocument, Vectors
from ingest.boxes import Boxes
from ingest.chunking import Chunks
from ingest.reading import Reading
from ingest.types import Document

_RECORD = "SELECT id, origin, title, sha256, media_type, added_at, characters, passages FROM documents"
_PASSAGE = "document_id, ordinal, start, stop, vector, sentences, sentence_vectors"
_FOLDED = 500
_PAGE = 1000


class ClusterStore:
    """The durable part of a cluster. Safe to use from several threads and processes: one writer a document."""

    def __init__(self, database: Database, engine: Engine, dimension: int) -> None:
        self.database = database
        self.engine = engine
        self.dimension = dimension

    def documents(self) -> list[DocumentRecord]:
        """Return all documents, oldest first."""
        return [DocumentRecord(*row) for row in self.database.rows(f"{_RECORD} ORDER BY added_at, id")]

    def record(self, document_id: str) -> DocumentRecord:
        """Return one document's record. Raises `UnknownDocumentError`."""
        found = self.find_id(document_id)
        if found is None:
            raise UnknownDocumentError(f"no document has the id {document_id!r}")
        return found

    def find_id(self, document_id: str) -> DocumentRecord | None:
        """Return the document with this id, if there is one."""
        if "\0" in document_id:
            return None
        row = self.database.row(f"{_RECORD} WHERE id = %s", (document_id,))
        return DocumentRecord(*row) if row else None

    def find_bytes(self, sha256: str) -> DocumentRecord | None:
        """Return the document made from bytes with this hash, if there is one."""
        row = self.database.row(f"{_RECORD} WHERE sha256 = %s ORDER BY id LIMIT 1", (sha256,))
        return DocumentRecord(*row) if row else None

    def document(self, document_id: str) -> StoredDocument:
        """Return one document with its texts. Raises `UnknownDocumentError`."""
        query = _RECORD.replace("passages FROM", "passages, source, reading, boxes FROM")
        row = self.database.row(f"{query} WHERE id = %s", (document_id,))
        if row is None:
            raise UnknownDocumentError(f"no document has the id {document_id!r}")
        boxes = Boxes.from_bytes(row[10]) if row[10] is not None else None
        return StoredDocument(DocumentRecord(*row[:8]), unpack_text(row[8]), unpack_reading(row[9]), boxes)

    def passages(self, document_id: str | None = None) -> Iterator[PassageRow]:
        """Yield all passages, document by document, each document's in reading order; or those of one document."""
        for row in self._pages(f"id, {_PASSAGE}", document_id):
            _, of_document, ordinal, start, stop, vector, sentences, sentence_vectors = row
            yield PassageRow(
                of_document,
                ordinal,
                start,
                stop,
                unpack_vectors(vector, self.dimension)[0],
                np.frombuffer(sentences, "<i4").reshape(-1, 3),
                unpack_vectors(sentence_vectors, self.dimension),
            )

    def passage_ids(self) -> set[int]:
        """Return the ids of all passages."""
        return {row[0] for row in self._pages("id")}

    def original(self, document_id: str) -> bytes | None:
        """Return the bytes that a document was read from, where they are kept."""
        row = self.database.row("SELECT data FROM originals WHERE document_id = %s", (document_id,))
        return bytes(row[0]) if row else None

    def keeps_original(self, document_id: str) -> bool:
        """Say whether `original` has the bytes of a document."""
        return bool(self.database.rows("SELECT 1 FROM originals WHERE document_id = %s", (document_id,)))

    def keep_original(self, document_id: str, data: bytes) -> None:
        """Keep the bytes of a document that is there, unless they are there too or are too many."""
        if len(data) <= KEPT_BYTES:
            self.database.write(lambda c: c.execute(_KEEP, (document_id, data)), repeatable=True)

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
        """Add a document, or replace the one with its id; questions see the one or the other, whole.

        `replaces` is the SHA-256 of the bytes that the caller saw under this id (None for no document). Raises
        `ConflictError` when something else stands there by now, `BusyError` and `UnavailableError`.
        """
        passages = passages_of(record.title, reading, chunks, vectors, sentence_vectors)
        with self.database.locked(record.id) as connection:
            assert connection is not None
            self._check(connection, record.id, replaces)
            version = self._note(connection, record.id)
            ids = [version * ORDINALS + passage.ordinal for passage in passages]
            words = [passage.words for passage in passages]
            self.engine.put(self._collections(connection), ids, vectors, words, record.id, version)
            with connection.transaction():
                self._check(connection, record.id, replaces)
                self._take_out(connection, record.id)
                self._put_in(connection, record, version, document, reading, passages)
                if original is not None and len(original) <= KEPT_BYTES:
                    connection.execute(_KEEP, (record.id, original))
            self._settle(connection, record.id)

    def remove(self, document_id: str) -> None:
        """Remove a document with all that was made from it. Raises `UnknownDocumentError`."""
        self.record(document_id)
        with self.database.locked(document_id) as connection:
            assert connection is not None
            self._note(connection, document_id)
            with connection.transaction():
                self._take_out(connection, document_id)
            self._settle(connection, document_id)

    def settle(self) -> int:
        """Bring the engine in step where a writer stopped half-way; return how many documents that were."""
        settled = 0
        for (document_id,) in self.database.rows("SELECT DISTINCT document_id FROM changes"):
            with self.database.locked(document_id, waiting=False) as connection:
                if connection is not None:  # else its writer is at it
                    self._settle(connection, document_id)
                    settled += 1
        return settled

    def fold_words(self) -> None:
        """Add up what the documents written since the last time say about how many texts hold each word."""
        while self.database.write(_fold) == _FOLDED:
            pass

    def rebuild(self, name: str) -> None:
        """Fill a new collection `name` from the truth and have questions go to it; others are dropped.

        Documents written meanwhile go into both.
        """
        others = [row[0] for row in self.database.rows("SELECT name FROM collections")]
        self.engine.create(name)
        self.database.write(lambda c: c.execute(_COLLECTION, (name,)), repeatable=True)
        self.database.wait_for_writers()
        for (document_id,) in self.database.rows("SELECT id FROM documents ORDER BY version"):
            with self.database.locked(document_id) as connection:
                assert connection is not None
                self._copy(connection, name, document_id)
        self.engine.serve(name)
        self.database.write(
            lambda c: c.execute("DELETE FROM collections WHERE name = ANY(%s)", (others,)), repeatable=True
        )
        self.database.wait_for_writers()
        for other in others:
            self.engine.drop(other)

    def _copy(self, connection: psycopg.Connection[Row], name: str, document_id: str) -> None:
        rows = connection.execute(
            "SELECT p.id, p.vector, p.words, d.version FROM passages p JOIN documents d ON d.id = p.document_id"
            " WHERE d.id = %s ORDER BY p.id",
            (document_id,),
        ).fetchall()
        if rows:
            dense = np.stack([unpack_vectors(row[1], self.dimension)[0] for row in rows])
            words = [np.frombuffer(row[2], "<u4") for row in rows]
            self.engine.put([name], [row[0] for row in rows], dense, words, document_id, rows[0][3])

    def _check(self, connection: psycopg.Connection[Row], document_id: str, replaces: str | None) -> None:
        row = connection.execute("SELECT sha256 FROM documents WHERE id = %s", (document_id,)).fetchone()
        if (row[0] if row else None) != replaces:
            raise ConflictError(f"document {document_id!r} was changed by another writer: send it again")

    def _note(self, connection: psycopg.Connection[Row], document_id: str) -> int:
        """Note that a document is about to change, and return its new version."""
        query = "INSERT INTO changes VALUES (nextval('versions'), %s) RETURNING version"
        row = connection.execute(query, (document_id,)).fetchone()
        assert row is not None
        return int(row[0])

    def _settle(self, connection: psycopg.Connection[Row], document_id: str) -> None:
        """Take all points of a document but those of its present version out of the engine."""
        row = connection.execute("SELECT version FROM documents WHERE id = %s", (document_id,)).fetchone()
        self.engine.forget(self._collections(connection), document_id, keep=row[0] if row else None)
        connection.execute("DELETE FROM changes WHERE document_id = %s", (document_id,))

    def _collections(self, connection: psycopg.Connection[Row]) -> list[str]:
        return [row[0] for row in connection.execute("SELECT name FROM collections ORDER BY name")]

    def _take_out(self, connection: psycopg.Connection[Row], document_id: str) -> None:
        """Remove a document's rows, if it has any, within the caller's transaction."""
        row = connection.execute(f"{_RECORD} WHERE id = %s", (document_id,)).fetchone()
        if row is None:
            return
        texts = connection.execute(
            "SELECT words, sentence_words, sentence_lengths FROM passages WHERE document_id = %s",
            (document_id,),
        ).fetchall()
        connection.execute("DELETE FROM documents WHERE id = %s", (document_id,))
        count = tally([Passage.words_from(*each) for each in texts])
        _book(connection, DocumentRecord(*row), count.changes(-1), count.totals(-1))

    def _put_in(
        self,
        connection: psycopg.Connection[Row],
        record: DocumentRecord,
        version: int,
        document: Document,
        reading: Reading,
        passages: Sequence[Passage],
    ) -> None:
        boxes = document.boxes.to_bytes() if document.boxes else None
        names = (record.id, version, *astuple(record)[1:])
        connection.execute(
            "INSERT INTO documents VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*names, pack_text(document.source), pack_reading(reading), boxes),
        )
        with connection.cursor().copy("COPY passages FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(("int8", "text", "int4", "int4", "int4", *("bytea",) * 6))
            for passage in passages:
                copy.write_row((version * ORDINALS + passage.ordinal, record.id, *passage.columns()))
        count = tally([(passage.words, passage.sentence_words) for passage in passages])
        _book(connection, record, count.changes(1), count.totals(1))

    def _pages(self, columns: str, document_id: str | None = None) -> Iterator[Row]:
        """Yield these columns of passages in the order of their ids; `id` comes first."""
        chosen = "" if document_id is None else "AND document_id = %(document)s"
        query = f"SELECT {columns} FROM passages WHERE id > %(last)s {chosen} ORDER BY id LIMIT {_PAGE}"  # noqa: S608 (constants)
        last = -1
        while True:
            rows = self.database.rows(query, {"last": last, "document": document_id})
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]


_KEEP = "INSERT INTO originals VALUES (%s, %s) ON CONFLICT DO NOTHING"
_COLLECTION = "INSERT INTO collections VALUES (%s) ON CONFLICT DO NOTHING"
_BOOK = """
UPDATE state SET generation = generation + 1, documents = documents + %s, passages = passages + %s,
passage_words = passage_words + %s, sentences = sentences + %s, sentence_words = sentence_words + %s,
mark = mod(mark + %s, %s)
"""


def _book(
    connection: psycopg.Connection[Row],
    record: DocumentRecord,
    changes: tuple[bytes, bytes, bytes],
    totals: tuple[int, int, int, int, int],
) -> None:
    """Note what a document adds to the statistics; the row that all writers share comes last and is held briefly."""
    connection.execute("INSERT INTO word_changes (codes, passages, sentences) VALUES (%s, %s, %s)", changes)
    sum_of_marks = totals[0] * mark(record) % MODULUS
    connection.execute(_BOOK, (*totals, sum_of_marks, MODULUS))


def _fold(connection: psycopg.Connection[Row]) -> int:
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('words', 0))")
    rows = connection.execute(
        "DELETE FROM word_changes WHERE id IN (SELECT id FROM word_changes ORDER BY id LIMIT %s)"
        " RETURNING codes, passages, sentences",
        (_FOLDED,),
    ).fetchall()
    if rows:
        codes = np.concatenate([np.frombuffer(row[0], "<u4") for row in rows])
        found, places = np.unique(codes, return_inverse=True)
        sums = []
        for column in (1, 2):
            amounts = np.concatenate([np.frombuffer(row[column], "<i4") for row in rows])
            sums.append(np.bincount(places, weights=amounts, minlength=len(found)).astype(np.int64).tolist())
        connection.execute(
            "INSERT INTO words SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])"
            " ON CONFLICT (code) DO UPDATE SET passages = words.passages + excluded.passages,"
            " sentences = words.sentences + excluded.sentences",
            (found.tolist(), *sums),
        )
    return len(rows)

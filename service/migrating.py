"""An index moved to another backend, document by document, with nothing read or embedded again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from index.backend import Backend
from index.store import PassageRow
from index.types import DocumentRecord
from ingest.chunking import Chunks
from ingest.types import Document, Passage, Sentence


class MigrationError(Exception):
    """The target does not hold what the source holds; the message says how they differ."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """How many documents were copied, and how many were there already; what the target holds now."""

    copied: int
    present: int
    documents: int
    passages: int
    fingerprint: str


def migrate(source: Backend, target: Backend, report: Callable[[int, int], None]) -> Migrated:
    """Copy every document of `source` into `target`, and check that both hold the same.

    It may be stopped and started again: documents with the same bytes are not copied twice. Documents that
    only `target` has are an error, which is found before anything is written. Raises `MigrationError`.
    """
    records = source.documents()
    present = {record.id: record.sha256 for record in target.documents()}
    foreign = sorted(present.keys() - {record.id for record in records})
    if foreign:
        raise MigrationError(
            f"the target holds {len(foreign)} documents that the source does not, as {foreign[0]}"
        )
    copied = 0
    for done, record in enumerate(records, start=1):
        if present.get(record.id) != record.sha256:
            _copy(source, target, record, present.get(record.id))
            copied += 1
        report(done, len(records))
    target.refresh()
    return _checked(source, target, copied, len(records) - copied)


def _copy(source: Backend, target: Backend, record: DocumentRecord, replaces: str | None) -> None:
    stored = source.reread(record.id)
    rows = list(source.store.passages(record.id))
    empty = np.empty((0, source.embedder.dimension), np.float32)
    vectors = np.concatenate([empty, *(row.vector[None].astype(np.float32) for row in rows)])
    sentences = np.concatenate([empty, *(row.sentence_vectors.astype(np.float32) for row in rows)])
    document = Document(record.title, stored.source, record.sha256, record.media_type, (), boxes=stored.boxes)
    target.store.put(
        record,
        document,
        stored.reading,
        _chunks(rows),
        vectors,
        sentences,
        replaces=replaces,
        original=source.original(record.id),
    )


def _chunks(rows: list[PassageRow]) -> Chunks:
    passages = tuple(Passage(row.ordinal, row.start, row.end, ()) for row in rows)
    places = [(row.ordinal, *place) for row in rows for place in row.sentences.tolist()]
    return Chunks(
        passages,
        tuple(
            Sentence(number, passage, start, end, bool(heading))
            for number, (passage, start, end, heading) in enumerate(places)
        ),
    )


def _checked(source: Backend, target: Backend, copied: int, present: int) -> Migrated:
    _compare("documents", _documents(source), _documents(target))
    _compare("passages", _passages(source), _passages(target))
    view = target.snapshot()
    if view.fingerprint != source.snapshot().fingerprint:
        raise MigrationError("the fingerprints differ: the source was changed meanwhile, run it again")
    return Migrated(copied, present, view.document_count, view.passage_count, view.fingerprint)


def _compare(kind: str, ours: set[tuple[object, ...]], theirs: set[tuple[object, ...]]) -> None:
    if ours != theirs:
        raise MigrationError(
            f"{len(ours - theirs)} {kind} are missing in the target and {len(theirs - ours)} are too many: run it again"
        )


def _documents(library: Backend) -> set[tuple[object, ...]]:
    return {(record.id, record.sha256) for record in library.documents()}


def _passages(library: Backend) -> set[tuple[object, ...]]:
    return {
        (
            row.document_id,
            row.ordinal,
            row.start,
            row.end,
            hash(row.vector.tobytes()),
            hash(row.sentences.tobytes()),
        )
        for row in library.passages()
    }

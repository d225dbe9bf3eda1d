"""Is an index sound? What was looked at, what is wrong with it, and how to mend that."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from index.errors import PinciteIndexError
from index.store import FILE as STORE
from index.store import Store
from index.types import StoredDocument
from service.ledger import FILE as LEDGER
from service.ledger import DamagedLedgerError, Ledger

SAMPLED = 50
"""Documents whose spans are looked at."""
_RESTORE = "restore a backup into a new folder (`pincite restore FILE`), or add the documents to a new index"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` is empty where all is well."""

    what: str
    mend: str = ""


def examine(index: Path) -> Iterator[Finding]:
    """Yield what is found in the folder `index`; what makes the rest pointless comes last. Nothing is mended."""
    path = index / STORE
    if not path.exists():
        yield Finding(
            f"there is no {STORE} in {index}", "name another folder with --index, or add documents to it"
        )
        return
    damage = _damage(path)
    if damage:
        yield Finding(f"{STORE} is damaged: {damage}", _RESTORE)
        return
    yield Finding(f"{STORE} is sound ({path.stat().st_size / 1e6:.1f} MB)")
    try:
        store = Store(index, *_model(path))
    except PinciteIndexError as error:
        yield Finding(str(error), _RESTORE)
        return
    try:
        yield from _examine_documents(store)
        yield _snapshot(store)
    finally:
        store.close()
    yield _ledger(index)
    yield _space(index)


def _examine_documents(store: Store) -> Iterator[Finding]:
    records = store.documents()
    passages = sum(record.passages for record in records)
    empty = [record.id for record in records if not record.passages]
    mend = f"remove these and add them again: {', '.join(empty[:5])}" if empty else ""
    yield Finding(
        f"{len(records)} documents with {passages} passages, {len(empty)} documents without any", mend
    )
    step = max(1, len(records) // SAMPLED)
    sample = records[::step][:SAMPLED]
    wrong = [fault for record in sample for fault in _faults(store, store.document(record.id))]
    mend = f"remove and add again what these belong to: {'; '.join(wrong[:5])}" if wrong else ""
    yield Finding(f"spans of {len(sample)} documents looked up in their sources, {len(wrong)} wrong", mend)


def _faults(store: Store, document: StoredDocument) -> Iterator[str]:
    """Yield what does not fit together in a document: its bytes, its source, its reading and its spans."""
    record, reading = document.record, document.reading
    original = store.original(record.id)
    if original is not None and hashlib.sha256(original).hexdigest() != record.sha256:
        yield f"{record.id}: the bytes that are kept have another hash"
    if len(document.source) != record.characters:
        yield f"{record.id}: {len(document.source)} characters instead of {record.characters}"
        return
    text = reading.text
    for start in range(0, len(text), 500):
        end = min(start + 500, len(text))
        for span in reading.source_spans(start, end):
            if not 0 <= span.start < span.end <= len(document.source):
                yield f"{record.id}: a span {span.start}-{span.end} in {len(document.source)} characters"


def _snapshot(store: Store) -> Finding:
    generation = store.published()
    files = store.snapshot_files(generation)
    folder = store.folder / "snapshots" / str(generation)
    wrong = [name for name, digest in files.items() if _digest(folder / name) != digest]
    mend = "nothing to do: the next start makes the copy again" if wrong or not files else ""
    return Finding(f"snapshot {generation}: {len(files)} files, {len(wrong)} missing or altered", mend)


def _ledger(index: Path) -> Finding:
    path = index / LEDGER
    if not path.exists():
        return Finding(f"there is no {LEDGER}: nothing was answered here yet")
    mend = f"restore it from a backup, or move {path} away (answers kept, feedback and keys are lost)"
    damage = _damage(path)
    if damage:
        return Finding(f"{LEDGER} is damaged: {damage}", mend)
    try:
        ledger = Ledger.open(index)
    except DamagedLedgerError as error:
        return Finding(str(error), mend)
    keys = len(ledger.keys())
    ledger.close()
    return Finding(f"{LEDGER} is sound, with {keys} keys")


def _space(index: Path) -> Finding:
    free, used = shutil.disk_usage(index).free, (index / STORE).stat().st_size
    mend = "make room: a snapshot is written beside the one in use" if free < 2 * used else ""
    return Finding(f"{free / 1e9:.1f} GB free for an index of {used / 1e9:.3f} GB", mend)


def _damage(path: Path) -> str:
    """Return the first thing that SQLite finds wrong with a database; '' for nothing."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for check in ("PRAGMA integrity_check", "PRAGMA foreign_key_check"):
            for row in connection.execute(check):
                if row[0] != "ok":
                    return ", ".join(map(str, row))[:200]
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        connection.close()
    return ""


def _model(path: Path) -> tuple[str, int]:
    """Return the model of a store and its dimension."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    finally:
        connection.close()
    return str(meta.get("model", "")), int(meta.get("dimension", 0))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

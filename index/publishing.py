"""From the store to a snapshot on disk, and whether what is on disk is that still.

A snapshot lives in `INDEX/snapshots/GENERATION/`, written aside and renamed. The store holds the SHA-256 of each
of its files, and one that is missing, incomplete or altered is made again from the store. Files are never
written to again, so that a snapshot shares those that stayed the same with the one before (hard links):
adding a document to a large index costs little more than the document.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from index.fingerprint import fingerprint, mark
from index.lexical import LexicalWriter
from index.segment import Segment, SegmentWriter
from index.snapshot import MANIFEST, PASSAGE_WORDS, SENTENCE_WORDS, Manifest, Snapshot, segment_folder
from index.store import Entry, Store
from index.texts import passage_text, sentence_text

TRUSTED_BYTES = 256_000_000
"""A larger snapshot is opened on the word of its files' size, times and inode if they are those of files that were
hashed before; `verify` hashes them in any case."""
_STAMPS = ".verified.json"
_LOCKS = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})
_REBUILT = 5000
"""So many passages are made anew rather than left with rows of documents that are no more."""
_DEAD_SHARE = 0.2
_ABANDONED_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class _Base:
    """An intact snapshot to start from, with its files' hashes."""

    snapshot: Snapshot
    folder: Path
    files: dict[str, str]


def publish(store: Store) -> Snapshot:
    """Return the snapshot of the store's present generation, making and recording it where needed."""
    while True:
        before = store.published()
        try:
            return _publish(store)
        except FileNotFoundError:
            if store.published() == before:  # else another process put its own in the place of our base
                raise


def _publish(store: Store) -> Snapshot:
    made = store.folder / "snapshots" / f".{uuid.uuid4().hex}"
    try:
        with store.view():
            generation = store.generation()
            folder = _folder(store, generation)
            recorded = store.snapshot_files(generation)
            if _intact(folder, recorded):
                return Snapshot.open(folder, generation, store.dimension)
            made.mkdir(parents=True)
            files = _make(store, made)
        with store.publishing(generation, files):
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
            _sync(folder.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _forget_others(folder)
    _stamp(folder, files)
    return Snapshot.open(folder, generation, store.dimension)


def is_trusted(store: Store) -> bool:
    """Say whether the published snapshot is so large that it is opened without being hashed."""
    generation = store.published()
    return _size(_folder(store, generation), store.snapshot_files(generation)) > TRUSTED_BYTES


def published(store: Store) -> Snapshot | None:
    """Return the snapshot that is published, however old, if it is intact."""
    generation = store.published()
    folder = _folder(store, generation)
    if not _intact(folder, store.snapshot_files(generation)):
        return None
    return Snapshot.open(folder, generation, store.dimension)


def verify(store: Store) -> bool:
    """Hash the files of the published snapshot, trusting nothing: whether they are what was written."""
    generation = store.published()
    files = store.snapshot_files(generation)
    folder = _folder(store, generation)
    if _hashed(folder, files) or store.published() != generation:  # or another one took its place meanwhile
        return True
    (folder.parent / _STAMPS).unlink(missing_ok=True)
    return False


def _make(store: Store, folder: Path) -> dict[str, str]:
    """Write the files of a snapshot of `store` into `folder` and return their hashes."""
    contents = store.contents()
    base = _base(store, set(contents))
    known = base.snapshot.manifest.documents if base else []
    kept = [entry if entry in set(contents) else None for entry in known]
    gone = [number for number, entry in enumerate(kept) if entry != known[number]]
    added = [entry for entry in contents if entry not in set(known)]
    segments = list(base.snapshot.segments) if base else []
    merged = _merged(segments, store.passage_count([entry.document_id for entry in added]))
    searches = list(base.snapshot.manifest.searches[: len(segments)]) if base else []
    if base is not None:
        _link(base.folder, folder, len(segments))
    words = [LexicalWriter(folder / name) for name in (PASSAGE_WORDS, SENTENCE_WORDS)]
    for number in gone:
        for each in words:
            each.remove(number)
    if added or merged or not segments:
        with SegmentWriter(
            segment_folder(folder, len(segments)),
            sum(len(segment.passages) for segment in segments),
            sum(len(segment.sentences) for segment in segments),
            store.dimension,
        ) as writer:
            for segment in merged:
                writer.append(segment)
            for number, entry in enumerate(added, start=len(kept)):
                _add(store, entry.document_id, number, writer, *words)
            searches.append(writer.save())
    for each in words:
        each.commit()
    Manifest(_fingerprint(store), [*kept, *added], searches).write(folder)
    return _digests(folder, base)


def _add(
    store: Store,
    document_id: str,
    number: int,
    segment: SegmentWriter,
    passage_words: LexicalWriter,
    sentence_words: LexicalWriter,
) -> None:
    document = store.document(document_id)
    rows = list(store.passages(document_id))
    if not rows:
        return
    sentence = segment.next_sentence
    for passage, row in enumerate(rows, start=segment.next_passage):
        text = passage_text(document.record.title, document.reading, row.start, row.end)
        passage_words.add(passage, number, text)
        for start, end, _ in row.sentences.tolist():
            sentence_words.add(sentence, number, sentence_text(document.reading, start, end))
            sentence += 1
    segment.add(number, rows)


def _base(store: Store, contents: set[Entry]) -> _Base | None:
    """Return the published snapshot, if it is intact and few enough of its passages are no more."""
    snapshot = published(store)
    if snapshot is None:
        return None
    dead = sum(
        len(snapshot.passage_rows(number))
        for number, entry in enumerate(snapshot.manifest.documents)
        if entry not in contents
    )
    total = len(snapshot.passages)
    if dead and (total <= _REBUILT or dead > _DEAD_SHARE * total):
        return None
    return _Base(snapshot, _folder(store, snapshot.generation), store.snapshot_files(snapshot.generation))


def _merged(segments: list[Segment], added: int) -> list[Segment]:
    """Take from the end of `segments` those that are to be one with `added` passages, and return them.

    Each segment that stays has at least twice the passages of the one behind it: there are never many.
    """
    merged: list[Segment] = []
    while added and segments and len(segments[-1].passages) < 2 * added:
        merged.insert(0, segments.pop())
        added += len(merged[0].passages)
    return merged


def _link(base: Path, folder: Path, segments: int) -> None:
    """Give `folder` the word lists and the first `segments` segments of the snapshot in `base`."""
    names = [PASSAGE_WORDS, SENTENCE_WORDS, *(segment_folder(base, i).name for i in range(segments))]
    for name in names:
        (folder / name).mkdir()
        for file in (base / name).iterdir():
            if file.name not in _LOCKS:
                _share(file, folder / name / file.name)


def _share(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def _digests(folder: Path, base: _Base | None) -> dict[str, str]:
    """Return the hash of each file of `folder`, once it is on disk. Files shared with `base` are known."""
    known = {}
    if base is not None:
        known = {(base.folder / name).stat().st_ino: digest for name, digest in base.files.items()}
    digests = {}
    for name in _names(folder):
        path = folder / name
        found = known.get(path.stat().st_ino)
        if found is None:
            path.chmod(0o444)  # it is never written to again: running servers have it mapped
            _sync(path)
            found = _digest(path)
        digests[name] = found
    return digests


def _fingerprint(store: Store) -> str:
    """Return a hash of the model and of each document's bytes: equal for equal contents."""
    return fingerprint(store.model, sum(map(mark, store.documents())))


def _folder(store: Store, generation: int) -> Path:
    return store.folder / "snapshots" / str(generation)


def _names(folder: Path) -> list[str]:
    """Return the files below `folder` that make up a snapshot, as POSIX paths relative to it."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in _LOCKS)
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _intact(folder: Path, files: dict[str, str]) -> bool:
    """Say whether `folder` holds just `files`, each with its hash, or each the file that was hashed before."""
    if MANIFEST not in files or not folder.is_dir() or _names(folder) != sorted(files):
        return False
    if _size(folder, files) > TRUSTED_BYTES:
        try:
            stamps = orjson.loads((folder.parent / _STAMPS).read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            stamps = None
        if stamps == _stamps(folder, files):
            return True
    intact = _hashed(folder, files)
    if intact:
        _stamp(folder, files)
    return intact


def _hashed(folder: Path, files: dict[str, str]) -> bool:
    try:
        return all(_digest(folder / name) == digest for name, digest in files.items())
    except FileNotFoundError:
        return False


def _stamp(folder: Path, files: dict[str, str]) -> None:
    """Remember by which signs the files are known that were just hashed, where that will be asked."""
    if _size(folder, files) <= TRUSTED_BYTES:
        return
    path = folder.parent / _STAMPS
    aside = path.with_name(f".{uuid.uuid4().hex}.json")
    aside.write_bytes(orjson.dumps(_stamps(folder, files)))
    aside.rename(path)


def _size(folder: Path, files: Iterable[str]) -> int:
    return sum((folder / name).stat().st_size for name in files)


def _stamps(folder: Path, files: Iterable[str]) -> dict[str, list[int]]:
    """Return what changes when a file does: no program sets the time of the last change of an inode."""
    stamps = {}
    for name in files:
        status = (folder / name).stat()
        stamps[f"{folder.name}/{name}"] = [
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
        ]
    return stamps


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Have the operating system write a file or a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget_others(folder: Path) -> None:
    """Remove other generations, and what a process left that died while it made one.

    Whoever has one open keeps its mapped files until it lets go.
    """
    for other in folder.parent.iterdir():
        if other != folder and (not other.name.startswith(".") or _is_abandoned(other)):
            shutil.rmtree(other, ignore_errors=True)


def _is_abandoned(made: Path) -> bool:
    try:
        return made.is_dir() and time.time() - made.stat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False

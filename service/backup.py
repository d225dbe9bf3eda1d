"""An index and its ledger as one file, and back: copied while the service runs, checked by hash when restored.

BackupError
+-- the file exists, is no backup, is damaged; the folder to restore into is not empty
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import orjson

from index.errors import MissingIndexError
from index.store import FILE as STORE
from service.ledger import FILE as LEDGER
from service.ledger import now

FORMAT = 1
_MANIFEST = "manifest.json"
_MOST_MANIFEST = 100_000
_CHUNK = 1 << 20


class BackupError(Exception):
    """A backup cannot be made or restored. The message says what was found and what to do; nothing was changed."""


def back_up(index: Path, file: Path) -> int:
    """Copy the index in the folder `index` and its ledger to the new file `file`. Return the file's bytes.

    The copy is of one moment, whoever writes meanwhile. Raises `BackupError` and `MissingIndexError`.
    """
    if not (index / STORE).exists():
        raise MissingIndexError(f"there is no index in {index}: nothing to back up")
    if file.exists():
        raise BackupError(f"{file} exists: name a file that does not, or remove it")
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".pincite-") as made:
        copies = {name: Path(made) / name for name in (STORE, LEDGER) if (index / name).exists()}
        for name, copy in copies.items():
            _copy_database(index / name, copy)
        manifest = {
            "format": FORMAT,
            "made_at": now(),
            "files": {name: _digest_of(copy) for name, copy in copies.items()},
        }
        archive = Path(made) / "archive"
        with tarfile.open(archive, "w") as tar:
            _add_bytes(tar, _MANIFEST, orjson.dumps(manifest))
            for name, copy in copies.items():
                tar.add(copy, name)
        with archive.open("rb") as written:
            os.fsync(written.fileno())
        archive.rename(file)
    return file.stat().st_size


def restore(file: Path, index: Path) -> Mapping[str, str]:
    """Put the backup `file` into the empty or new folder `index`. Return the SHA-256 of each file restored.

    Raises `BackupError`; the folder then stays as empty as it was.
    """
    if index.exists() and (not index.is_dir() or any(index.iterdir())):
        raise BackupError(f"{index} is not an empty folder: restore into a new one, then move it into place")
    try:
        with tarfile.open(file, "r:") as tar:
            return _restore(tar, file, index)
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{file} is not a backup of Pincite, or is damaged: {error}") from error


def _restore(tar: tarfile.TarFile, file: Path, index: Path) -> Mapping[str, str]:
    hashes = _read_manifest(tar, file)
    index.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=index.parent, prefix=".pincite-") as made:
        for name, digest in hashes.items():
            copy = Path(made) / name
            found = _extract(tar, file, name, copy)
            if found != digest:
                raise BackupError(f"{file} is damaged: {name} has the hash {found}, it was {digest}")
        for name in hashes:
            (Path(made) / name).rename(index / name)
    return hashes


def _read_manifest(tar: tarfile.TarFile, file: Path) -> dict[str, str]:
    """Return the hashes of the members, whose names are known beforehand: nothing else is ever extracted."""
    first = tar.next()
    data = (
        tar.extractfile(first) if first is not None and first.name == _MANIFEST and first.isfile() else None
    )
    if data is None:
        raise BackupError(f"{file} is not a backup of Pincite: it has no {_MANIFEST}")
    try:
        manifest = orjson.loads(data.read(_MOST_MANIFEST))
        found, hashes = manifest["format"], dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{file} is not a backup of Pincite: its {_MANIFEST} cannot be read") from error
    if found != FORMAT:
        raise BackupError(
            f"{file} has format {found}, this version reads {FORMAT}: use the version that made it"
        )
    if not {STORE} <= set(hashes) <= {STORE, LEDGER}:
        raise BackupError(
            f"{file} holds {', '.join(sorted(hashes))[:200]}, not an index: it was not made by Pincite"
        )
    return hashes


def _extract(tar: tarfile.TarFile, file: Path, name: str, copy: Path) -> str:
    try:
        member = tar.getmember(name)
    except KeyError as error:
        raise BackupError(f"{file} is damaged: {name} is missing") from error
    source = tar.extractfile(member) if member.isfile() else None
    if source is None:
        raise BackupError(f"{file} is damaged: {name} is no file")
    with copy.open("xb") as target:
        copy.chmod(0o600)
        digest = _digest(source, target)
        target.flush()
        os.fsync(target.fileno())
    return digest


def _copy_database(source: Path, copy: Path) -> None:
    """Copy a database that may be in use, in one consistent state."""
    origin, target = sqlite3.connect(source), sqlite3.connect(copy)
    try:
        copy.chmod(0o600)
        origin.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{source} cannot be copied ({error}): see `pincite doctor`") from error
    finally:
        origin.close()
        target.close()


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(source: IO[bytes], target: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()

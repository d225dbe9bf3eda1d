"""Which files below the given paths are documents to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def find_files(paths: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the regular files at and below `paths`, in order of name, and what was skipped and why.

    Hidden files and folders are left out without a word. Links, devices, sockets and pipes are skipped: a
    folder may hold what was not meant to be read.
    """
    files: list[Path] = []
    skipped: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                skipped += [
                    (link, "a link") for name in folders if (link := Path(folder) / name).is_symlink()
                ]
                for name in sorted(names):
                    if not name.startswith("."):
                        _sort(Path(folder) / name, files, skipped)
        else:
            _sort(path, files, skipped)
    return files, skipped


def _sort(path: Path, files: list[Path], skipped: list[tuple[Path, str]]) -> None:
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        files.append(path)
    else:
        kind = "a link" if stat.S_ISLNK(mode) else "not a regular file"
        skipped.append((path, kind))

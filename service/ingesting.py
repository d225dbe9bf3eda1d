"""Files and folders into an index, with a progress bar and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from index.backend import Backend
from index.build import Ingested, Source
from ingest.files import find_files
from service.bootstrap import open_library
from service.progress import counted
from service.settings import Settings


@dataclass(slots=True)
class Report:
    """How many documents got which outcome; `failed` names what could not be read, and why."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    failed: tuple[str, ...] = ()


def ingest_paths(settings: Settings, paths: Sequence[Path], console: Console) -> Report:
    """Add all files below `paths` to the index of `settings`, which is made where there is none.

    What cannot be read is skipped and reported. Raises the errors of `index.errors`.
    """
    library = open_library(settings, create=True)
    try:
        files, skipped = find_files(paths)
        for path, reason in skipped:
            console.print(f"skipped {path}: {reason}", style="yellow", markup=False)
        report = _ingest(library, files, console)
        library.refresh()
    finally:
        library.close()
    console.print(
        f"{report.added} added, {report.replaced} replaced, {report.unchanged} unchanged, {len(report.failed)} failed"
    )
    return report


def _ingest(library: Backend, files: Sequence[Path], console: Console) -> Report:
    report = Report()
    sources = [Source(path.name, str(path.resolve()), _size(path), path.read_bytes) for path in files]
    with counted("Ingesting", console, of_bytes=True) as progress:
        for path, result in zip(files, library.add_all(sources, progress), strict=True):
            if isinstance(result, Ingested):
                setattr(report, result.outcome, getattr(report, result.outcome) + 1)
            else:
                console.print(f"skipped {path}: {result}", style="yellow", markup=False)
                report.failed = (*report.failed, str(path))
    return report


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # reading it will say what is wrong
        return 0

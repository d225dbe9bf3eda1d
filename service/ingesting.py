"""Files and folders into an index, with a progress bar and a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from index.backend import Backend
from ingest.files import find_files
from ingest.readers import ReadError
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


def _ingest(library: Backend, files: Iterable[Path], console: Console) -> Report:
    report = Report()
    for path in files:
        try:
            with counted(path.name, console) as progress:
                result = library.add(
                    path.read_bytes(),
                    path.name,
                    origin=str(path.resolve()),
                    progress=progress,
                    publishing=False,
                )
        except (ReadError, OSError) as error:
            console.print(f"skipped {path}: {error}", style="yellow", markup=False)
            report.failed = (*report.failed, str(path))
        else:
            setattr(report, result.outcome, getattr(report, result.outcome) + 1)
    return report

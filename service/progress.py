"""A progress bar for work that counts its steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar

from index.types import Progress


@contextmanager
def counted(label: str, console: Console, *, of_bytes: bool = False) -> Iterator[Progress]:
    """Show a bar, and the time left, while the body runs; it hands the body a function to report (done, total) to.

    `of_bytes` says what is counted, and shows how many there are a second.
    """
    counts = (DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *counts, TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

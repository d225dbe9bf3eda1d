"""The commands for more than one machine: `pincite queue`, `worker`, `migrate` and `plan`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli_common import UNREADABLE, USAGE, Index, err, explained, failed, out
from service.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from index.cluster_library import ClusterLibrary

app = typer.Typer()


@app.command()
def queue(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; none shows the queue.", exists=True)
    ] = None,
    index: Index = None,
) -> None:
    """Leave documents to the workers of a cluster, or show what waits."""
    from index.cluster_queue import Queue
    from ingest.files import find_files

    with explained():
        library = _cluster(read_settings(index=index), create=bool(paths))
        try:
            waiting = Queue(library.store.database)
            if paths:
                files, skipped = find_files(paths)
                for path, reason in skipped:
                    err.print(f"skipped {path}: {reason}", style="yellow", markup=False)
                added = sum(waiting.add(path.read_bytes(), path.name, str(path.resolve())) for path in files)
                err.print(f"{added} queued")
            counts = waiting.counts()
            out.print(f"{counts.waiting} waiting, {counts.leased} being taken in, {counts.failed} set aside")
            for name, problem in waiting.problems():
                out.print(f"{name}: {problem}", markup=False)
        finally:
            library.close()


@app.command()
def worker(
    index: Index = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Stop when nothing is left to do.")
    ] = False,
    lease: Annotated[
        float, typer.Option(min=1, help="Seconds after which a document of a dead worker is another's.")
    ] = 60.0,
) -> None:
    """Take queued documents into a cluster's index; start as many as there are cores for it."""
    from index.cluster_queue import Queue
    from service.worker import Worker

    with explained():
        library = _cluster(read_settings(index=index), create=True)
        try:
            working = Worker(library, Queue(library.store.database), lease=lease)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: working.stop())
            worked = working.run(until_empty=until_empty)
        finally:
            library.close()
    err.print(f"{worked.done} taken in, {worked.failed} set aside")
    if worked.failed:
        raise typer.Exit(UNREADABLE)


@app.command()
def migrate(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A folder or qdrant://HOST:PORT.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="A folder or qdrant://HOST:PORT.")],
) -> None:
    """Move an index to another backend; a cluster's database is $PINCITE_DATABASE. Nothing is embedded again."""
    from service.bootstrap import open_library
    from service.migrating import MigrationError
    from service.migrating import migrate as move
    from service.progress import counted

    with explained():
        old = open_library(read_settings(index=source))
        try:
            new = open_library(read_settings(index=target, model=old.embedder.name), create=True)
            try:
                with counted("Moving", err) as progress:
                    moved = move(old, new, progress)
            finally:
                new.close()
        except MigrationError as error:
            raise failed(error, USAGE) from error
        finally:
            old.close()
    out.print(
        f"{moved.copied} documents copied, {moved.present} there already; the target holds {moved.documents} "
        f"documents and {moved.passages} passages, the same as the source ({moved.fingerprint})"
    )


@app.command()
def plan(
    passages: Annotated[str, typer.Option(help="How many passages to plan for, as 1e8.")] = "1e6,1e8,1e10",
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Another value for an assumption.")
    ] = None,
    assumptions: Annotated[bool, typer.Option("--assumptions", help="List the assumptions.")] = False,
) -> None:
    """Say what an index of some size takes: memory, nodes, time, money, and what breaks first."""
    from service.planning import Assumptions, PlanError, describe, plan_table

    with explained():
        try:
            assumed = Assumptions.with_values(given or [])
            sizes = [float(size) for size in passages.split(",")]
        except (PlanError, ValueError) as error:
            raise failed(error, USAGE) from error
    if assumptions:
        out.print(describe(assumed), markup=False)
    for size in sizes:
        out.print(plan_table(size, assumed), markup=False)


def _cluster(settings: Settings, *, create: bool) -> ClusterLibrary:
    from index.cluster_library import ClusterLibrary
    from service.bootstrap import open_library

    if settings.engine is None:
        raise SettingsError(f"PINCITE_INDEX is {settings.index}: workers need a cluster, qdrant://HOST:6333")
    library = open_library(settings, create=create)
    assert isinstance(library, ClusterLibrary), "an engine's address opens a cluster"
    return library

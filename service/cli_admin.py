"""`pincite backup`, `restore` and `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli_common import BAD_INDEX, Index, err, explained, out
from service.settings import read_settings


def backup(file: Annotated[Path, typer.Argument(help="The file to make.")], index: Index = None) -> None:
    """Copy the index and the ledger to one file, also while a service uses them."""
    from service.backup import back_up

    with explained():
        size = back_up(read_settings(index=index).index, file)
    err.print(f"Backed up to {file} ({size / 1e6:.1f} MB).", markup=False)


def restore(
    file: Annotated[
        Path, typer.Argument(help="A file that `pincite backup` made.", exists=True, dir_okay=False)
    ],
    index: Index = None,
) -> None:
    """Put a backup into an empty folder, every file checked by its hash."""
    from service.backup import restore as put_back

    with explained():
        folder = read_settings(index=index).index
        put_back(file, folder)
    err.print(f"Restored to {folder}.", markup=False)


def doctor(index: Index = None) -> None:
    """Look whether the index is sound, and say how to mend what is not."""
    from service.doctor import examine

    sick = False
    with explained():
        for finding in examine(read_settings(index=index).index):
            out.print(f"{'!!' if finding.mend else 'ok'}  {finding.what}", markup=False)
            if finding.mend:
                sick = True
                out.print(f"    mend: {finding.mend}", markup=False)
    if sick:
        raise typer.Exit(BAD_INDEX)

"""What the commands share: their exit codes, where they print, and errors in one sentence.

Exit codes: 0 done, 1 the documents do not say (`ask`), 2 wrong usage, 3 the index cannot be used, 4 something
could not be read, 5 another process is writing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from index.errors import BusyError, ConflictError, PinciteIndexError, UnavailableError
from service.settings import SettingsError

NOT_SAID, USAGE, BAD_INDEX, UNREADABLE, BUSY = 1, 2, 3, 4, 5

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Index = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index [default: $PINCITE_INDEX or .pincite/index]."),
]


@contextmanager
def explained() -> Iterator[None]:
    """Turn known errors into one sentence and an exit code."""
    from index.weights import ModelError
    from ingest.readers import ReadError
    from service.backup import BackupError
    from service.ledger import LedgerError
    from service.questions import QuestionError

    try:
        yield
    except (BusyError, ConflictError, UnavailableError) as error:
        raise failed(error, BUSY) from error
    except (PinciteIndexError, ModelError, LedgerError) as error:
        raise failed(error, BAD_INDEX) from error
    except ReadError as error:
        raise failed(error, UNREADABLE) from error
    except (SettingsError, QuestionError, BackupError) as error:
        raise failed(error, USAGE) from error


def failed(error: Exception, code: int) -> typer.Exit:
    """Print what went wrong; raise what is returned to leave with `code`."""
    err.print(f"pincite: {error}", markup=False)
    return typer.Exit(code)

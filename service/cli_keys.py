"""`pincite keys`: make, list and revoke the keys of a service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli_common import Index, err, explained, out
from service.settings import read_settings

if TYPE_CHECKING:
    from service.ledger import Ledger

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is, or what it is for.")],
    scope: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(help="read: ask and read; write: also add and remove documents; admin: all."),
    ] = "read",
    index: Index = None,
) -> None:
    """Make a key and print it: it is shown this once."""
    with _opened(index) as ledger:
        key, token = ledger.add_key(name, scope)
    out.print(token, markup=False)
    err.print(f"Key {key.id} ({scope}) for {name}. It cannot be shown again.", markup=False)


@app.command(name="list")
def list_keys(index: Index = None) -> None:
    """List the keys, without their secrets."""
    with _opened(index) as ledger:
        for key, _ in ledger.keyring().entries:
            line = f"{key.id}  {key.scope:5}  …{key.last_four}  {key.created_at[:19]}  {key.name}"
            out.print(line, markup=False)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `pincite keys list` prints it.")],
    index: Index = None,
) -> None:
    """Revoke a key: it is refused within a second, also by services that are running."""
    with _opened(index) as ledger:
        key = ledger.revoke_key(key_id)
    err.print(f"Revoked {key.id} ({key.name}).", markup=False)


@contextmanager
def _opened(index: Index) -> Iterator[Ledger]:
    from service.bootstrap import open_ledger

    with explained():
        ledger = open_ledger(read_settings(index=index))
        try:
            yield ledger
        finally:
            ledger.close()

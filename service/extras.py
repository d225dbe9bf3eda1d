"""Packages that only some uses need: what is said where one of them is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.settings import SettingsError

_OWN = ("ingest", "index", "service", "eval")


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import, in the block, what the extra `name` brings. Raises `SettingsError` where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OWN:
            raise
        message = f"{error.name} is not installed: run `pip install 'pincite[{name}]'`"
        raise SettingsError(message) from error

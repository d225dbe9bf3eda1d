"""What the operating system and the libraries say when a disk takes no more, as one error."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from index.errors import NoSpaceError

_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_CODES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY})
_WORDS = ("No space left", "os error 28", "Read-only file system", "os error 30", "disk full")
"""What tantivy and FAISS say, whose errors carry no number."""


@contextmanager
def storing(outcome: str) -> Iterator[None]:
    """Turn what the body raises into `NoSpaceError` where it means that the disk takes no more.

    `outcome` says what is then so.
    """
    try:
        yield
    except (OSError, sqlite3.OperationalError, ValueError, RuntimeError) as error:
        if not _means_full(error):
            raise
        raise NoSpaceError(
            f"the disk of the index takes no more, {outcome}: free some space and try again"
        ) from error


def _means_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _ERRNOS
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in _CODES or (code == sqlite3.SQLITE_IOERR)
    return any(words in str(error) for words in _WORDS)

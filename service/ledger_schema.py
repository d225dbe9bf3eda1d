"""The ledger's file: its tables, the records that come out of it, and what can be wrong with it.

LedgerError
+-- DamagedLedgerError   the file is no ledger, or one of another version
+-- UnknownAnswerError   no answer is kept under that id
+-- UnknownKeyError      no key has that id
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FILE = "ledger.sqlite"
FORMAT = 1

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
"""What a key may do, each including those before it."""
Origin = Literal["api", "page", "slack", "cli"]

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE answers (id TEXT PRIMARY KEY, question TEXT NOT NULL, at TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX answers_by_time ON answers (at);
CREATE TABLE feedback (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    answer_id TEXT NOT NULL REFERENCES answers (id),
    helpful INTEGER NOT NULL,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX feedback_by_answer ON feedback (answer_id);
CREATE TABLE marks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL,
    UNIQUE (kind, key)
) STRICT;
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    digest BLOB NOT NULL,
    last_four TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, body BLOB NOT NULL
) STRICT
"""


class LedgerError(Exception):
    """Root of the tree. The message says what was found and how to mend it."""


class DamagedLedgerError(LedgerError):
    """The file cannot be used as a ledger; nothing was written to it."""


class UnknownAnswerError(LedgerError):
    """No answer is kept under that id."""


class UnknownKeyError(LedgerError):
    """No key has that id."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was given: `body` is what `/v1/ask` sent, `at` when it was last given (UTC)."""

    question: str
    at: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of an answer. `at` is in UTC, as `service.ledger.now` gives it."""

    answer_id: str
    helpful: bool
    reason: str
    origin: Origin
    at: str


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret, of which `last_four` characters tell keys apart."""

    id: str
    name: str
    scope: Scope
    last_four: str
    created_at: str

    def may(self, scope: Scope) -> bool:
        """Whether this key may do what needs `scope`."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys with the hashes of their tokens. False where there are none."""

    entries: tuple[tuple[Key, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def key_of(self, token: str) -> Key | None:
        """Return the key that `token` is of, in the same time whether it is one or not."""
        digest = hash_of(token)
        found = None
        for key, stored in self.entries:
            if hmac.compare_digest(digest, stored):
                found = key
        return found


def hash_of(token: str) -> bytes:
    """Return what is kept of a token. Tokens are random and 256 bits long: a slow hash would protect nothing more."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set up the connection, and the tables in an empty file."""
    # After a power cut the last answers may be missing, which is all that NORMAL risks here.
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        return
    path.chmod(0o600)  # questions are nobody else's business
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('format', ?)", (str(FORMAT),))
    connection.execute("COMMIT")

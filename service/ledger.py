"""What the service remembers, apart from the index: answers given, what people said of them, and keys.

One SQLite file beside the index. It is bounded, it can be thrown away, and it is never the truth about a
document: an answer that is read from it is checked against the source again (`service.verifying`).
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from service.ledger_schema import (
    FILE,
    FORMAT,
    SCOPES,
    DamagedLedgerError,
    Feedback,
    KeptAnswer,
    Key,
    Keyring,
    LedgerError,
    Origin,
    Scope,
    UnknownAnswerError,
    UnknownKeyError,
    hash_of,
    prepare,
)
from service.types import Answer
from service.wire import ask_body

__all__ = [
    "FILE",
    "SCOPES",
    "DamagedLedgerError",
    "Feedback",
    "KeptAnswer",
    "Key",
    "Keyring",
    "Ledger",
    "LedgerError",
    "Origin",
    "Scope",
    "UnknownAnswerError",
    "UnknownKeyError",
    "now",
]

BUSY_SECONDS = 5.0
KEPT_MARKS = 100_000
"""Most marks that `first_time` and `remember` make before the oldest are forgotten."""
_RECENT, _RECENT_TIME = 1_000, timedelta(minutes=1)
"""An answer that is given again within this time is not written again."""


class Ledger:
    """The ledger of one folder. Safe to use from several threads, and by several processes at once."""

    def __init__(self, connection: sqlite3.Connection, keep_answers: int, keep_days: float) -> None:
        self._connection = connection
        self._keep_answers = keep_answers
        self._keep_time = timedelta(days=keep_days)
        self._lock = threading.Lock()
        self._recent: OrderedDict[str, datetime] = OrderedDict()
        self._written = 0
        self._marked = 0

    @classmethod
    def open(cls, folder: Path, *, keep_answers: int = 10_000, keep_days: float = 30) -> Ledger:
        """Open the ledger in `folder`, making an empty one where there is none.

        It keeps the newest `keep_answers` answers (within one in a hundred; with 0 none) for `keep_days`; those
        that have feedback stay longer. Raises `DamagedLedgerError` for a file that is no ledger.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            prepare(connection, path)
            row = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise DamagedLedgerError(
                f"{path} is not a Pincite ledger ({error}): restore it from a backup, or move it away to start "
                "an empty one (kept answers, feedback and keys are lost, documents are not)"
            ) from error
        if row is None or row[0] != str(FORMAT):
            connection.close()
            found = row[0] if row else "none"
            raise DamagedLedgerError(
                f"{path} has format {found}, this version reads {FORMAT}: use the version that wrote it"
            )
        return cls(connection, keep_answers, keep_days)

    def close(self) -> None:
        """Close the file. The ledger must not be used afterwards."""
        with self._lock:
            self._connection.close()

    def keep(self, answer: Answer, question: str) -> None:
        """Remember `answer` as given now."""
        if not self._keep_answers:
            return
        at = datetime.now(UTC)
        with self.using() as connection:
            last = self._recent.get(answer.answer_id)
            if last is not None and at - last < _RECENT_TIME:
                return
            connection.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
                (answer.answer_id, question, _text(at), orjson.dumps(ask_body(answer))),
            )
            self._recent[answer.answer_id] = at
            self._recent.move_to_end(answer.answer_id)
            while len(self._recent) > min(_RECENT, self._keep_answers):
                self._recent.popitem(last=False)
            if self._written % max(1, self._keep_answers // 100) == 0:
                self._trim_answers(connection, at)
            self._written += 1

    def answer(self, answer_id: str) -> KeptAnswer:
        """Return the answer kept under `answer_id`. Raises `UnknownAnswerError`."""
        with self.using() as connection:
            row = connection.execute(
                "SELECT question, at, body FROM answers WHERE id = ?", (answer_id,)
            ).fetchone()
        if row is None:
            raise UnknownAnswerError(f"no answer is kept under the id {answer_id!r}: ask the question again")
        return KeptAnswer(row[0], row[1], orjson.loads(row[2]))

    def add_feedback(self, feedback: Feedback) -> None:
        """Remember `feedback`; the newest `keep_answers` are kept. Raises `UnknownAnswerError`."""
        self.answer(feedback.answer_id)
        with self.using() as connection:
            connection.execute(
                "INSERT INTO feedback (answer_id, helpful, reason, origin, at) VALUES (?, ?, ?, ?, ?)",
                (feedback.answer_id, feedback.helpful, feedback.reason, feedback.origin, feedback.at),
            )
            connection.execute(
                "DELETE FROM feedback WHERE id <= (SELECT max(id) FROM feedback) - ?", (self._keep_answers,)
            )

    def feedback(self, *, helpful: bool | None = None) -> list[tuple[Feedback, KeptAnswer]]:
        """Return what was said, oldest first, each with the answer it is about; `helpful` picks."""
        with self.using() as connection:
            rows = connection.execute(
                "SELECT f.answer_id, f.helpful, f.reason, f.origin, f.at, a.question, a.at, a.body"
                " FROM feedback f JOIN answers a ON a.id = f.answer_id"
                " WHERE ?1 IS NULL OR f.helpful = ?1 ORDER BY f.id",
                (helpful,),
            ).fetchall()
        return [
            (
                Feedback(row[0], bool(row[1]), row[2], row[3], row[4]),
                KeptAnswer(row[5], row[6], orjson.loads(row[7])),
            )
            for row in rows
        ]

    def first_time(self, kind: str, key: str) -> bool:
        """Mark (`kind`, `key`) and say whether it was not marked before: by no process, in no earlier run."""
        with self.using() as connection:
            made = connection.execute(
                "INSERT OR IGNORE INTO marks (kind, key, at) VALUES (?, ?, ?)", (kind, key, now())
            )
            self._trim_marks(connection)
            return made.rowcount == 1

    def remember(self, kind: str, key: str, value: str) -> None:
        """Keep `value` under (`kind`, `key`) in place of what was there."""
        with self.using() as connection:
            connection.execute(
                "INSERT INTO marks (kind, key, value, at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, at = excluded.at",
                (kind, key, value, now()),
            )
            self._trim_marks(connection)

    def recall(self, kind: str, key: str) -> str | None:
        """Return what was kept last under (`kind`, `key`), if it is still known."""
        with self.using() as connection:
            row = connection.execute(
                "SELECT value FROM marks WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        return row[0] if row else None

    def keys(self) -> list[Key]:
        """Return all keys, oldest first."""
        return [key for key, _ in self.keyring().entries]

    def add_key(self, name: str, scope: Scope) -> tuple[Key, str]:
        """Make a key. Return it with its token, which nobody can read again: only its hash is kept."""
        token = f"pincite_{secrets.token_urlsafe(32)}"
        key = Key(secrets.token_hex(4), name, scope, token[-4:], now())
        with self.using() as connection:
            connection.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?)",
                (key.id, name, scope, hash_of(token), key.last_four, key.created_at),
            )
        return key, token

    def revoke_key(self, key_id: str) -> Key:
        """Forget a key, which is refused from now on, and return it. Raises `UnknownKeyError`."""
        for key in self.keys():
            if key.id == key_id:
                with self.using() as connection:
                    connection.execute("DELETE FROM keys WHERE id = ?", (key_id,))
                return key
        raise UnknownKeyError(f"no key has the id {key_id!r}: `pincite keys list` shows the ids")

    def key_of(self, token: str) -> Key | None:
        """Return the key that `token` is of, in the same time whether it is one or not."""
        return self.keyring().key_of(token)

    def keyring(self) -> Keyring:
        """Return the keys as they are now, to compare tokens with."""
        with self.using() as connection:
            rows = connection.execute(
                "SELECT id, name, scope, last_four, created_at, digest FROM keys ORDER BY created_at, id"
            ).fetchall()
        return Keyring(tuple((Key(*row[:5]), row[5]) for row in rows))

    def _trim_marks(self, connection: sqlite3.Connection) -> None:
        if self._marked % 100 == 0:
            connection.execute(
                "DELETE FROM marks WHERE at < ? OR id <= (SELECT max(id) FROM marks) - ?",
                (_text(datetime.now(UTC) - self._keep_time), KEPT_MARKS),
            )
        self._marked += 1

    def _trim_answers(self, connection: sqlite3.Connection, at: datetime) -> None:
        connection.execute(
            "DELETE FROM answers WHERE id NOT IN (SELECT answer_id FROM feedback) AND"
            " (at < ? OR at < (SELECT at FROM answers ORDER BY at DESC LIMIT 1 OFFSET ?))",
            (_text(at - self._keep_time), max(0, self._keep_answers - 1)),
        )

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """Give this thread the connection. Raises `LedgerError` where the file cannot be used now."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise LedgerError(f"the ledger {FILE} cannot be used now: {error}") from error


def now() -> str:
    """Return the time in UTC, to the microsecond, in a form that sorts."""
    return _text(datetime.now(UTC))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")

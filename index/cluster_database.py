"""PostgreSQL: connections that do not hang, and the locks that keep to one writer a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.abc import PQGen
from psycopg_pool import ConnectionPool, PoolTimeout

from index.cluster_calls import Guard
from index.cluster_schema import FORMAT, SCHEMA, SCHEMA_NAME
from index.errors import BusyError, FormatError, MissingIndexError, ModelMismatchError, UnavailableError

T = TypeVar("T")
Row = tuple[Any, ...]

CONNECT_SECONDS = 3
CALL_SECONDS = 15.0
LOCK_SECONDS = 10
CONNECTIONS = 16
_WRITERS = f"{SCHEMA_NAME} writers"
_LOST = (psycopg.OperationalError, psycopg.InterfaceError)
_NOT_LOST = (
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.InvalidCatalogName,
    errors.InvalidPassword,
)


class BoundedConnection(psycopg.Connection[Row]):
    """A connection that is given up when the server keeps silent for `CALL_SECONDS`."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval, CALL_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                self.pgconn.finish()  # nobody knows what an answer that comes later would belong to
            raise


class Database:
    """A cluster's PostgreSQL database. Safe to use from several threads.

    Raises `UnavailableError` where the server does not answer.
    """

    def __init__(self, url: str) -> None:
        self._guard = Guard("PostgreSQL", _is_transient, _LOST)
        self._pool = ConnectionPool(
            url,
            connection_class=BoundedConnection,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "pincite",
                "options": f"-c search_path={SCHEMA_NAME} -c statement_timeout={int(CALL_SECONDS * 1000)}"
                f" -c lock_timeout={LOCK_SECONDS * 1000}",
            },
            min_size=0,
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS + 1,
            reconnect_timeout=CONNECT_SECONDS,
            open=True,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def rows(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Return what a query reads; it is repeated when the connection fails."""

        def read() -> list[Row]:
            with self._pool.connection() as connection:
                return connection.execute(query, parameters).fetchall()

        return self._guard.call(read, repeatable=True)

    def row(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Row | None:
        """Return the first row of what a query reads."""
        return next(iter(self.rows(query, parameters)), None)

    def write(self, work: Callable[[psycopg.Connection[Row]], T], *, repeatable: bool = False) -> T:
        """Run `work` in one transaction and return what it returns.

        Only where `repeatable` says that doing it twice is doing it once is it repeated: when the connection
        breaks during a commit, nobody knows whether that was done.
        """

        def run() -> T:
            with self._pool.connection() as connection, connection.transaction():
                return work(connection)

        return self._guard.call(run, repeatable=repeatable)

    @contextmanager
    def locked(self, document_id: str, *, waiting: bool = True) -> Iterator[psycopg.Connection[Row] | None]:
        """Hold the lock on a document, and yield the connection that holds it; what is written, is by it.

        The lock ends with the connection, so a writer that died or was cut off cannot write afterwards.
        Raises `BusyError` after `LOCK_SECONDS`; without `waiting`, yields None where another has the lock.
        """
        connection = self._guard.call(self._pool.getconn, repeatable=True)
        try:
            key = (f"{SCHEMA_NAME}:{document_id}",)
            connection.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))", (_WRITERS,))
            if waiting:
                connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", key)
                yield connection
            else:
                query = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
                taken = connection.execute(query, key).fetchone()
                yield connection if taken and taken[0] else None
            connection.execute("SELECT pg_advisory_unlock_all()")
        except errors.LockNotAvailable as error:
            raise BusyError(
                f"another process has been writing to {document_id} for {LOCK_SECONDS} s"
            ) from error
        except _LOST as error:
            connection.close()
            raise UnavailableError(f"PostgreSQL does not answer ({type(error).__name__})", 2.0) from error
        except BaseException:
            connection.close()
            raise
        finally:
            self._pool.putconn(connection)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others out that ask for the same, in any process, while the body runs. Raises `BusyError`."""
        connection = self._guard.call(self._pool.getconn, repeatable=True)
        try:
            with connection.transaction():
                query = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
                connection.execute(query, (f"{SCHEMA_NAME} alone",))
                yield
        except errors.LockNotAvailable as error:
            raise BusyError("another process is making the engine's collection again: try again") from error
        finally:
            self._pool.putconn(connection)

    def wait_for_writers(self) -> None:
        """Return once every document lock that was held when this was called has been given back."""
        query = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        try:
            self.write(lambda c: c.execute(query, (_WRITERS,)), repeatable=True)
        except errors.LockNotAvailable as error:
            raise BusyError(
                f"documents have been written without a pause for {LOCK_SECONDS} s: try again"
            ) from error

    def check(self, model: str, dimension: int) -> None:
        """Raise `MissingIndexError`, `FormatError` or `ModelMismatchError` for what should not be touched."""
        found = self._state()
        if found is None:
            raise MissingIndexError("there is no index in the database: make one with `pincite ingest PATH`")
        if found[0] != FORMAT:
            raise FormatError(f"the database has format {found[0]}, this version reads {FORMAT}")
        if found[1:] != (model, dimension):
            raise ModelMismatchError(
                f"the database was made with {found[1]} ({found[2]} dimensions), the model at hand is {model} "
                f"({dimension}): choose that model again, or ingest into a new database"
            )

    def create(self, model: str, dimension: int) -> None:
        """Make the tables where there are none."""

        def make(connection: psycopg.Connection[Row]) -> None:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (SCHEMA_NAME,))
            found = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA_NAME}.state",)).fetchone()
            if found and found[0] is None:
                connection.execute(SCHEMA)
                connection.execute(
                    "INSERT INTO state (format, model, dimension) VALUES (%s, %s, %s)",
                    (FORMAT, model, dimension),
                )

        self.write(make, repeatable=True)

    def model(self) -> str | None:
        """Return the name of the model that the index was made with, if there is an index."""
        found = self._state()
        return None if found is None else str(found[1])

    def _state(self) -> Row | None:
        there = self.row("SELECT to_regclass(%s)", (f"{SCHEMA_NAME}.state",))
        if there is None or there[0] is None:
            return None
        return self.row("SELECT format, model, dimension FROM state")


def _is_transient(error: Exception) -> bool:
    return isinstance(error, PoolTimeout) or not isinstance(error, _NOT_LOST)

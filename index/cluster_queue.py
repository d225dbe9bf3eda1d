"""Documents that wait to be taken in, shared by any number of workers.

A worker leases a document for a while and says from time to time that it is still at it. When it dies the lease
runs out and another worker has the document. That one was taken in already is seen by its bytes, so whoever dies
between the two leaves neither a gap nor a second copy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from index.cluster_database import Database, Row

ATTEMPTS = 20
"""A document that so many workers did not survive is set aside."""

_CLAIM = """
UPDATE jobs SET worker = %(worker)s, attempts = attempts + 1, leased_until = now() + %(seconds)s * interval '1 second'
WHERE id = (
    SELECT id FROM jobs WHERE state = 'waiting' AND leased_until < now() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, name, origin, data, attempts
"""
_EXTEND = """
UPDATE jobs SET leased_until = now() + %(seconds)s * interval '1 second' WHERE id = %(id)s AND worker = %(worker)s
"""
_RELEASE = """
UPDATE jobs SET worker = NULL, leased_until = now() + %(seconds)s * interval '1 second'
WHERE id = %(id)s AND worker = %(worker)s
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A document that a worker has on lease; `attempts` counts the leases, this one too."""

    id: int
    name: str
    origin: str
    data: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many documents wait, are being taken in, and were set aside."""

    waiting: int
    leased: int
    failed: int


class Queue:
    """The queue in a cluster's database. Every call may be repeated. Raises `UnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, data: bytes, name: str, origin: str = "") -> bool:
        """Add a document; say whether it was not waiting there already."""
        digest = hashlib.sha256(data).hexdigest()
        query = "INSERT INTO jobs (name, origin, sha256, data) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id"
        return bool(self._change(query, (name, origin, digest, data)))

    def claim(self, worker: str, seconds: float) -> Job | None:
        """Lease the document that has waited longest, for so many seconds; None when none waits."""
        for row in self._change(_CLAIM, {"worker": worker, "seconds": seconds}):
            job = Job(*row)
            if job.attempts <= ATTEMPTS:
                return job
            self.fail(job, f"{ATTEMPTS} workers stopped while they were at it")
            return self.claim(worker, seconds)
        return None

    def extend(self, job: Job, worker: str, seconds: float) -> None:
        """Say that `worker` is still at it."""
        self._change(_EXTEND, {"id": job.id, "worker": worker, "seconds": seconds})

    def release(self, job: Job, worker: str, seconds: float = 0.0) -> None:
        """Give a document back, to be leased again after so many seconds."""
        self._change(_RELEASE, {"id": job.id, "worker": worker, "seconds": seconds})

    def finish(self, job: Job) -> None:
        """Take a document that is in the index off the queue, whoever has it on lease by now."""
        self._change("DELETE FROM jobs WHERE id = %s", (job.id,))

    def fail(self, job: Job, problem: str) -> None:
        """Set a document aside that cannot be taken in."""
        self._change("UPDATE jobs SET state = 'failed', problem = %s WHERE id = %s", (problem, job.id))

    def counts(self) -> QueueCounts:
        """Return how much there is to do."""
        (row,) = self._database.rows(
            "SELECT count(*) FILTER (WHERE state = 'waiting' AND leased_until < now()),"
            " count(*) FILTER (WHERE state = 'waiting' AND leased_until >= now()),"
            " count(*) FILTER (WHERE state = 'failed') FROM jobs"
        )
        return QueueCounts(*row)

    def problems(self) -> list[tuple[str, str]]:
        """Return the name of each document that was set aside, and why."""
        return [(row[0], row[1]) for row in self._database.rows(_PROBLEMS)]

    def _change(self, query: str, parameters: object) -> list[Row]:
        def change(connection: object) -> list[Row]:
            cursor = connection.execute(query, parameters)  # type: ignore[attr-defined]
            return cursor.fetchall() if cursor.description else []

        return self._database.write(change, repeatable=True)


_PROBLEMS = "SELECT name, problem FROM jobs WHERE state = 'failed' ORDER BY id"

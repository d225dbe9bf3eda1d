"""Documents that are taken in after the request that brought them was answered, one after the other.

What a job does cannot be half done: a document is wholly there or wholly absent. So a job that a stopped
service left behind is `lost`, which says that the document must be sent again, and nothing else is wrong.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import orjson

from index.build import Ingested
from index.types import Progress
from service.errors import JobsFullError, UnknownJobError
from service.ledger import Ledger, LedgerError, now
from service.logs import LOGGER
from service.problems import KNOWN, internal_problem, problem_of
from service.wire import document_body

KEPT_JOBS = 1_000
JobStatus = Literal["queued", "running", "done", "failed", "lost"]
Work = Callable[[Progress | None], Ingested]
_log = logging.getLogger(LOGGER)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the wire shows it (see `service.schemas.JobModel`)."""

    job_id: str
    title: str
    created_at: str
    status: JobStatus = "queued"
    done: int = 0
    total: int = 0
    document: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class Jobs:
    """The jobs of one service. With a ledger they are remembered across restarts. Safe to share between threads."""

    def __init__(self, ledger: Ledger | None = None, *, most_bytes: int) -> None:
        self._ledger = ledger
        self._most_bytes = most_bytes
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._worker = ThreadPoolExecutor(1, "pincite-jobs")
        self._stopped = False
        if ledger is not None:
            with ledger.using() as connection:
                connection.execute("UPDATE jobs SET status = 'lost' WHERE status IN ('queued', 'running')")

    def close(self) -> None:
        """Stop: what waits is lost, what runs stops at its next step. The jobs must not be used afterwards."""
        self._stopped = True
        self._worker.shutdown(wait=False, cancel_futures=True)

    def waiting(self) -> int:
        """Return how many jobs are not finished."""
        with self._lock:
            return sum(job.status in ("queued", "running") for job in self._jobs.values())

    def start(self, title: str, size: int, request_id: str, work: Work) -> Job:
        """Have `work`, which holds `size` bytes, done soon. Raises `JobsFullError`."""
        job = Job(secrets.token_hex(8), title, now())
        with self._lock:
            if self._waiting_bytes and self._waiting_bytes + size > self._most_bytes:
                raise JobsFullError(
                    f"documents of {self._waiting_bytes} bytes are waiting already; at most {self._most_bytes} "
                    "may: try again later"
                )
            self._waiting_bytes += size
            self._jobs[job.job_id] = job
            while len(self._jobs) > KEPT_JOBS:
                self._jobs.popitem(last=False)
        self._remember(job)
        future = self._worker.submit(self._run, job.job_id, work)
        future.add_done_callback(lambda done: self._finish(job.job_id, size, request_id, done))
        return job

    def job(self, job_id: str) -> Job:
        """Return a job as it stands now. Raises `UnknownJobError`."""
        with self._lock:
            if (job := self._jobs.get(job_id)) is not None:
                return job
        row = None
        if self._ledger is not None:
            with self._ledger.using() as connection:
                row = connection.execute("SELECT body, status FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise UnknownJobError(f"no job has the id {job_id!r}")
        return Job(**{**orjson.loads(row[0]), "status": row[1]})

    def _run(self, job_id: str, work: Work) -> Ingested:
        self._change(job_id, status="running")
        self._remember(self.job(job_id))

        def progress(done: int, total: int) -> None:
            if self._stopped:
                raise _StoppedError
            self._change(job_id, done=done, total=total)

        return work(progress)

    def _finish(self, job_id: str, size: int, request_id: str, future: Future[Ingested]) -> None:
        with self._lock:
            self._waiting_bytes -= size
        error = _StoppedError() if future.cancelled() else future.exception()
        if error is None:
            self._change(job_id, status="done", document=document_body(future.result().document))
        elif isinstance(error, _StoppedError):
            self._change(job_id, status="lost")
        elif isinstance(error, KNOWN):
            self._change(job_id, status="failed", problem=problem_of(error, request_id))
        else:
            _log.error("job %s failed", job_id, exc_info=error)
            self._change(job_id, status="failed", problem=internal_problem(request_id))
        self._remember(self.job(job_id))

    def _change(self, job_id: str, **changes: Any) -> None:
        with self._lock:
            if job_id in self._jobs:
                self._jobs[job_id] = replace(self._jobs[job_id], **changes)

    def _remember(self, job: Job) -> None:
        """Write a job to the ledger. A ledger that cannot be written stops no document."""
        if self._ledger is None:
            return
        try:
            with self._ledger.using() as connection:
                connection.execute(
                    "INSERT INTO jobs (id, status, body) VALUES (?, ?, ?)"
                    " ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body",
                    (job.job_id, job.status, orjson.dumps(asdict(job))),
                )
                connection.execute(
                    "DELETE FROM jobs WHERE number <= (SELECT max(number) FROM jobs) - ?", (KEPT_JOBS,)
                )
        except LedgerError as error:
            _log.warning("job %s is not remembered: %s", job.job_id, error)


class _StoppedError(Exception):
    """The service is being stopped."""

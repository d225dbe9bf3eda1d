"""A process that takes queued documents into a cluster's index; any number may run at once."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from index.backend import Backend
from index.cluster_queue import Job, Queue
from index.errors import BusyError, ConflictError, UnavailableError
from ingest.errors import ReadError

_log = logging.getLogger("pincite")

LEASE_SECONDS = 60.0
_REFRESHED_EVERY = 25
_AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class Worked:
    """What a worker did: documents taken in (or found there already) and documents set aside."""

    done: int = 0
    failed: int = 0


class Worker:
    """Takes documents from `queue` into `library` until it is told to stop, between two documents."""

    def __init__(self, library: Backend, queue: Queue, *, lease: float = LEASE_SECONDS) -> None:
        self._library = library
        self._queue = queue
        self._lease = lease
        self._name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Have `run` return after the document it is at."""
        self._stopping.set()

    def run(self, *, until_empty: bool = False) -> Worked:
        """Work; `until_empty` returns when nothing waits and no other worker has anything on lease."""
        worked = Worked()
        while not self._stopping.is_set():
            try:
                job = self._queue.claim(self._name, self._lease)
                if job is not None:
                    self._work(job, worked)
                    if (worked.done + worked.failed) % _REFRESHED_EVERY == 0:
                        self._library.refresh()
                    continue
                self._library.refresh()
                counts = self._queue.counts()
            except UnavailableError as error:
                _log.warning("%s", error)
                self._stopping.wait(error.retry_after)
                continue
            if until_empty and counts.waiting + counts.leased == 0:
                break
            self._stopping.wait(_AGAIN_SECONDS)
        return worked

    def _work(self, job: Job, worked: Worked) -> None:
        try:
            with self._held(job):
                self._library.add(job.data, job.name, origin=job.origin, publishing=False)
        except ReadError as error:
            self._queue.fail(job, str(error))
            worked.failed += 1
        except (BusyError, ConflictError, UnavailableError) as error:
            _log.warning("%s: %s", job.name, error)
            self._queue.release(job, self._name, _AGAIN_SECONDS)
        else:
            self._queue.finish(job)
            worked.done += 1

    @contextmanager
    def _held(self, job: Job) -> Iterator[None]:
        """Extend the lease on a document while the body runs."""
        done = threading.Event()

        def extend() -> None:
            while not done.wait(self._lease / 3):
                try:
                    self._queue.extend(job, self._name, self._lease)
                except UnavailableError as error:  # the lease may run out: another worker is welcome to it
                    _log.warning("%s", error)

        thread = threading.Thread(target=extend, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

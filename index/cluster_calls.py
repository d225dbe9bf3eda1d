"""Calls across the network: bounded in time, repeated only where that is safe, and not made in vain for long."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from index.errors import UnavailableError

T = TypeVar("T")

ATTEMPTS = 3
FIRST_PAUSE = 0.05
OPENS_AFTER = 5
OPEN_SECONDS = 2.0


class Guard:
    """Stands before one dependency; safe to share between threads.

    A call that fails for a reason that `transient` recognises is repeated after a random pause if the caller
    says that it may be. After `OPENS_AFTER` failures in a row nothing is tried for `OPEN_SECONDS` (a circuit
    breaker); then one call at a time is, until one succeeds.
    """

    def __init__(
        self,
        name: str,
        transient: Callable[[Exception], bool],
        failures: tuple[type[Exception], ...],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._transient = transient
        self._failures = failures
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._failed = 0
        self._opened_at = 0.0

    def call(self, work: Callable[[], T], *, repeatable: bool) -> T:
        """Return what `work` returns. Raises `UnavailableError` when the dependency does not answer.

        `repeatable` says that doing `work` twice is doing it once.
        """
        for attempt in range(1, ATTEMPTS + 1):
            self._enter()
            try:
                result = work()
            except self._failures as error:
                if not self._transient(error):
                    self._succeeded()
                    raise
                self._count_failure()
                if not repeatable or attempt == ATTEMPTS:
                    raise UnavailableError(
                        f"{self._name} does not answer ({type(error).__name__}): try again in a moment",
                        OPEN_SECONDS,
                    ) from error
                self._pause(random.uniform(0, FIRST_PAUSE * 2**attempt))  # noqa: S311 (jitter, no secret)
            else:
                self._succeeded()
                return result
        raise AssertionError("the loop returns or raises")

    def _enter(self) -> None:
        """Raise where nothing may be tried now; let one call through when the pause is over."""
        with self._lock:
            if self._failed < OPENS_AFTER:
                return
            left = self._opened_at + OPEN_SECONDS - self._clock()
            if left > 0:
                raise UnavailableError(f"{self._name} does not answer: try again in {left:.1f} s", left)
            self._opened_at = self._clock()

    def _count_failure(self) -> None:
        with self._lock:
            self._failed += 1
            self._opened_at = self._clock()

    def _succeeded(self) -> None:
        with self._lock:
            self._failed = 0

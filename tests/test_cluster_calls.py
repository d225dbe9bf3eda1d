"""The guard before a dependency: what is repeated, what is not, and when nothing is tried."""

from __future__ import annotations

import pytest

from index.cluster_calls import ATTEMPTS, OPEN_SECONDS, OPENS_AFTER, Guard
from index.errors import UnavailableError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Flaky:
    """Fails as often as it is told to, then returns 7."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ConnectionError("gone")
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return 7


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> Guard:
    return Guard(
        "The engine",
        lambda error: isinstance(error, ConnectionError),
        (OSError,),
        clock=lambda: clock.now,
        pause=clock.pause,
    )


def test_what_may_be_repeated_is(guard: Guard, clock: Clock) -> None:
    work = Flaky(ATTEMPTS - 1)
    assert guard.call(work, repeatable=True) == 7
    assert work.calls == ATTEMPTS
    assert len(set(clock.pauses)) == len(clock.pauses) == ATTEMPTS - 1, "the pauses are random"


def test_it_is_given_up(guard: Guard) -> None:
    work = Flaky(99)
    with pytest.raises(UnavailableError, match="The engine does not answer") as caught:
        guard.call(work, repeatable=True)
    assert work.calls == ATTEMPTS
    assert caught.value.retry_after > 0


def test_what_must_not_be_repeated_is_tried_once(guard: Guard) -> None:
    work = Flaky(1)
    with pytest.raises(UnavailableError):
        guard.call(work, repeatable=False)
    assert work.calls == 1


def test_a_fault_of_the_caller_is_not_the_dependency_s(guard: Guard) -> None:
    for _ in range(3 * OPENS_AFTER):
        with pytest.raises(PermissionError):
            guard.call(Flaky(9, PermissionError("no")), repeatable=True)
    assert guard.call(Flaky(0), repeatable=False) == 7, "the breaker is closed"


def test_after_many_failures_nothing_is_tried_for_a_while(guard: Guard, clock: Clock) -> None:
    for _ in range(OPENS_AFTER):
        with pytest.raises(UnavailableError):
            guard.call(Flaky(1), repeatable=False)
    work = Flaky(0)
    with pytest.raises(UnavailableError, match="try again in") as caught:
        guard.call(work, repeatable=True)
    assert work.calls == 0
    assert caught.value.retry_after == pytest.approx(OPEN_SECONDS)
    clock.now += OPEN_SECONDS
    with pytest.raises(UnavailableError):
        guard.call(Flaky(1), repeatable=False)  # the one that is let through fails: another pause
    with pytest.raises(UnavailableError):
        guard.call(work, repeatable=True)
    assert work.calls == 0
    clock.now += OPEN_SECONDS
    assert guard.call(work, repeatable=False) == 7
    assert guard.call(work, repeatable=False) == 7


def test_while_one_call_tries_others_wait_their_turn(guard: Guard, clock: Clock) -> None:
    for _ in range(OPENS_AFTER):
        with pytest.raises(UnavailableError):
            guard.call(Flaky(1), repeatable=False)
    clock.now += OPEN_SECONDS

    def trying() -> int:
        with pytest.raises(UnavailableError):
            guard.call(Flaky(0), repeatable=False)
        return 1

    assert guard.call(trying, repeatable=False) == 1

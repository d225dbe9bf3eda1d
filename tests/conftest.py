"""What several test modules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from postgres import Postgres, running_postgres
from tiny import TinyEmbedder

from index.library import Library

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--trials", type=int, default=1, help="how many times as many faults as usual are tried")


@dataclass(frozen=True)
class Tally:
    """How long a fault is tried, and what came of it: printed after the tests, a line a promise."""

    times: int
    record: Callable[[str, object], None]

    def keep(self, promise: str, trials: int, failures: int) -> None:
        self.record("promise", [promise, trials, failures])
        assert trials > 0, f"nothing was tried: {promise}"
        assert failures == 0, f"{failures} of {trials}: {promise}"


@pytest.fixture
def tally(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Tally:
    """For tests of a promise that is tried more often by `make faults`."""
    return Tally(request.config.getoption("--trials"), record_property)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    kept = [value for report in reports for name, value in report.user_properties if name == "promise"]
    for promise, trials, failures in sorted(kept):
        terminalreporter.write_line(f"{trials:>7} trials, {failures} failures: {promise}")


settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of benchmark data beside the repository; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the benchmark data is not beside the repository (../shared)")
    return SHARED


@pytest.fixture(scope="session")
def paper(shared: Path) -> bytes:
    """The policy paper, which is not redistributed."""
    return (shared / "corpus" / "north-american-footprint.txt").read_bytes()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty index with the tiny embedder."""
    opened = Library.create(tmp_path / "index", TinyEmbedder())
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test process; tests that need it skip where there is none."""
    try:
        with running_postgres() as server:
            yield server
    except LookupError as missing:
        pytest.skip(str(missing))

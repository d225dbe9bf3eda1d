"""What several test modules share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from postgres import Postgres, running_postgres
from tiny import TinyEmbedder

from index.library import Library

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


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

"""Workers that share a queue: each document once, whoever dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from cluster_parts import running_engine
from postgres import Postgres
from tiny import TinyEmbedder

from index.cluster_engine import Address
from index.cluster_library import ClusterLibrary
from index.cluster_queue import ATTEMPTS, Queue
from service.worker import Worker
from tools.kill_workers import documents, kill_workers


@pytest.fixture
def database(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture
def library(database: str) -> Iterator[ClusterLibrary]:
    opened = ClusterLibrary.open(Address.parse("qdrant://memory"), database, TinyEmbedder(), create=True)
    yield opened
    opened.close()


@pytest.fixture
def queue(library: ClusterLibrary) -> Queue:
    return Queue(library.store.database)


def test_a_document_waits_once(queue: Queue) -> None:
    assert queue.add(b"one", "1.md", "/1.md")
    assert not queue.add(b"one", "1.md", "/1.md")
    assert queue.add(b"changed", "1.md", "/1.md")
    assert (queue.counts().waiting, queue.counts().leased) == (2, 0)


def test_a_lease_is_one_worker_s_until_it_runs_out(queue: Queue) -> None:
    queue.add(b"one", "1.md")
    job = queue.claim("first", 0.3)
    assert job is not None
    assert queue.claim("second", 60) is None
    queue.extend(job, "first", 0.6)
    time.sleep(0.4)
    assert queue.claim("second", 60) is None, "it was extended"
    time.sleep(0.4)
    taken = queue.claim("second", 60)
    assert taken is not None
    assert (taken.id, taken.data, taken.attempts) == (job.id, b"one", 2)
    queue.release(job, "first")
    assert queue.counts().leased == 1, "the first worker has no say in it any more"


def test_many_workers_claim_different_documents(queue: Queue) -> None:
    for number in range(40):
        queue.add(b"%d" % number, f"{number}.md")
    claimed: list[int] = []

    def claim() -> None:
        while (job := queue.claim("any", 60)) is not None:
            claimed.append(job.id)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 40


def test_a_document_that_kills_workers_is_set_aside(queue: Queue) -> None:
    queue.add(b"bad", "bad.md")
    for _ in range(ATTEMPTS):
        assert queue.claim("worker", -1) is not None
    assert queue.claim("worker", 60) is None
    ((name, problem),) = queue.problems()
    assert name == "bad.md"
    assert str(ATTEMPTS) in problem


def test_a_worker_takes_all_in_and_sets_aside_what_it_cannot_read(
    library: ClusterLibrary, queue: Queue
) -> None:
    texts = documents(7)
    for name, data in texts.items():
        queue.add(data, name, name)
    queue.add(b"%PDF-1.7 no", "broken.pdf", "broken.pdf")
    worked = Worker(library, queue).run(until_empty=True)
    assert (worked.done, worked.failed) == (7, 1)
    assert [name for name, _ in queue.problems()] == ["broken.pdf"]
    held = [library.document(record.id).source.encode() for record in library.documents()]
    assert sorted(held) == sorted(texts.values())
    assert library.snapshot().document_count == 7


def test_processes_that_start_together_make_one_collection(database: str) -> None:
    with running_engine() as port:
        address = Address.parse(f"qdrant://127.0.0.1:{port}")
        opened: list[ClusterLibrary] = []

        def start() -> None:
            opened.append(ClusterLibrary.open(address, database, TinyEmbedder(), create=True))

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(opened) == 4
        assert len(opened[0].store.database.rows("SELECT name FROM collections")) == 1
        opened[0].add(b"Ships sailed.", "1.md")
        assert opened[1].store.engine.ids() == opened[1].store.passage_ids() != set()
        for library in opened:
            library.close()


def test_killed_workers_lose_and_double_nothing(database: str) -> None:
    """The short form of `make cluster-kills`."""
    with running_engine() as port:
        outcome = kill_workers(f"qdrant://127.0.0.1:{port}", database, kills=2, seed=1)
    assert outcome.kills == 2
    assert (outcome.lost, outcome.doubled, outcome.strays) == (0, 0, 0)

"""What the service does when PostgreSQL or the engine is slow, gone, restarted or cut off half-way.

Real TCP proxies stand between the service and both. PostgreSQL is real; the engine is qdrant-client's local mode
behind HTTP (tools/qdrant_standin.py), as no Qdrant server is at hand here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cluster_parts import ProxyProcess, running_engine, running_proxy
from fastapi.testclient import TestClient
from postgres import Postgres
from tiny import TinyEmbedder

from index import cluster_calls, cluster_database, cluster_engine
from index.cluster_engine import Address
from index.cluster_library import ClusterLibrary
from index.errors import UnavailableError
from service.answering import Answerer
from service.app import create_app
from service.settings import Settings

SLOW = 1.0


@dataclass
class Cluster:
    """An index reached through proxies, and the same one reached directly."""

    library: ClusterLibrary
    direct: ClusterLibrary
    proxies: dict[str, ProxyProcess]

    def heal(self) -> None:
        for proxy in self.proxies.values():
            proxy.order("pass")
        until = time.monotonic() + 30
        while True:
            try:
                self.library.snapshot().candidates(
                    ["bee"], self.library.embedder.embed_question("bee"), 5, None
                )
            except UnavailableError:
                assert time.monotonic() < until, "it does not recover"
                time.sleep(0.1)
            else:
                return

    def check_whole(self, texts: dict[str, str]) -> None:
        """Each document is there once, with its text, and the engine has its passages and no others."""
        self.direct.refresh()
        documents = self.direct.documents()
        assert sorted(self.direct.document(each.id).source for each in documents) == sorted(texts.values())
        assert self.direct.store.engine.ids() == self.direct.store.passage_ids()
        view = self.direct.snapshot()
        assert (view.document_count, view.passage_count) == (len(texts), len(self.direct.store.passage_ids()))
        assert view.document_frequency("hive") == sum(each.passages for each in documents)


@pytest.fixture(scope="module")
def engine() -> Iterator[int]:
    with running_engine() as port:
        yield port


@pytest.fixture
def cluster(postgres: Postgres, engine: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(cluster_database, "CALL_SECONDS", SLOW)
    monkeypatch.setattr(cluster_database, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(cluster_engine, "TIMEOUT", 1)
    monkeypatch.setattr(cluster_calls, "OPEN_SECONDS", 0.3)
    with running_proxy(postgres.port) as database, running_proxy(engine) as index:
        direct_url = postgres.database()
        name = f"collection=faults{index.port}"
        direct = ClusterLibrary.open(
            Address.parse(f"qdrant://127.0.0.1:{engine}?{name}"), direct_url, TinyEmbedder(), create=True
        )
        library = ClusterLibrary.open(
            Address.parse(f"qdrant://127.0.0.1:{index.port}?{name}"),
            direct_url.replace(f":{postgres.port}/", f":{database.port}/"),
            TinyEmbedder(),
        )
        try:
            yield Cluster(library, direct, {"database": database, "engine": index})
        finally:
            for proxy in (database, index):
                proxy.order("gone")
            library.close()
            direct.close()


def text_of(number: int) -> str:
    return f"# Hive {number}\n\n" + " ".join(f"Bee {number} of row {row} dances." for row in range(40))


@pytest.mark.parametrize("part", ["database", "engine"])
@pytest.mark.parametrize("fault", ["stall", "gone"])
def test_a_question_is_told_when_to_come_back(cluster: Cluster, part: str, fault: str) -> None:
    cluster.library.add(text_of(1).encode(), "1.md")
    app = create_app(Answerer(cluster.library), Settings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        asked = {"question": "Which bee dances?"}
        before = client.post("/v1/search", json=asked).json()["passages"]
        assert before
        cluster.proxies[part].order(fault)
        refused = client.post("/v1/search", json=asked)
        assert refused.status_code == 503, refused.text
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:pincite:problem:unavailable"
        cluster.heal()
        again = client.post("/v1/search", json=asked)
        assert again.json()["passages"] == before


@pytest.mark.parametrize("part", ["database", "engine"])
def test_half_a_write_is_none(cluster: Cluster, part: str) -> None:
    """The connection breaks after so many bytes, wherever that is; sent again, the document is there once."""
    texts = {}
    for number, size in enumerate([0, 150, 700, 3_000, 12_000]):
        name = f"{number}.md"
        cluster.proxies[part].order(f"cut {size}")
        try:
            cluster.library.add(text_of(number).encode(), name, origin=f"/{name}")
        except UnavailableError:
            cluster.heal()
            cluster.library.add(text_of(number).encode(), name, origin=f"/{name}")
        else:
            cluster.heal()
        texts[name] = text_of(number)
    cluster.check_whole(texts)


@pytest.mark.parametrize("part", ["database", "engine"])
def test_a_replacement_is_whole_or_not_at_all(cluster: Cluster, part: str) -> None:
    cluster.library.add(text_of(1).encode(), "hive.md", origin="/hive.md")
    found = 0
    for number, size in enumerate([200, 1_500, 6_000], start=2):
        cluster.proxies[part].order(f"cut {size}")
        try:
            cluster.library.add(text_of(number).encode(), "hive.md", origin="/hive.md")
        except UnavailableError:
            found += 1
        cluster.heal()
        (record,) = cluster.direct.documents()
        source = cluster.direct.document(record.id).source
        assert source in {text_of(each) for each in range(1, number + 1)}
        cluster.check_whole({"hive.md": source})
    assert found > 0, "no write was cut"


def test_a_removal_that_is_cut_can_be_made_again(cluster: Cluster) -> None:
    added = cluster.library.add(text_of(1).encode(), "1.md")
    cluster.proxies["engine"].order("gone")
    with pytest.raises(UnavailableError):
        cluster.library.remove(added.document.id)
    cluster.heal()
    cluster.check_whole({})
    assert (
        cluster.direct.snapshot().candidates(["bee"], TinyEmbedder().embed_question("bee"), 5, None)[0].size
        == 0
    )


def test_a_restarted_database_is_found_again(cluster: Cluster, postgres: Postgres) -> None:
    cluster.library.add(text_of(1).encode(), "1.md")
    postgres.stop("immediate")
    try:
        with pytest.raises(UnavailableError):
            cluster.library.add(text_of(2).encode(), "2.md")
    finally:
        postgres.start()
    cluster.heal()
    cluster.library.add(text_of(2).encode(), "2.md")
    cluster.check_whole({"1.md": text_of(1), "2.md": text_of(2)})

"""An index moved to another backend holds the same, and one that does not is found out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres import Postgres
from tiny import TinyEmbedder

from index.cluster_engine import Address
from index.cluster_library import ClusterLibrary
from index.library import Library
from service.answering import Answerer
from service.migrating import MigrationError, migrate

TEXTS = {
    f"{n}.md": f"# Part {n}\n\n" + " ".join(f"Ship {n} carried {n * d} crates on day {d}." for d in range(30))
    for n in range(5)
}


@pytest.fixture
def cluster(postgres: Postgres) -> Iterator[ClusterLibrary]:
    opened = ClusterLibrary.open(
        Address.parse("qdrant://memory"), postgres.database(), TinyEmbedder(), create=True
    )
    yield opened
    opened.close()


@pytest.fixture
def filled(library: Library) -> Library:
    for name, text in TEXTS.items():
        library.add(text.encode(), name, origin=name, publishing=False)
    library.refresh()
    return library


def seen(done: int, total: int) -> None:
    assert 0 < done <= total


def test_there_and_back(filled: Library, cluster: ClusterLibrary, tmp_path: object) -> None:
    moved = migrate(filled, cluster, seen)
    assert (moved.copied, moved.present, moved.documents) == (5, 0, 5)
    assert moved.fingerprint == filled.snapshot().fingerprint
    assert cluster.store.engine.ids() == cluster.store.passage_ids()
    question = "How many crates did ship 3 carry on day 7?"
    one, other = Answerer(filled).answer(question), Answerer(cluster).answer(question)
    assert [c.spans for c in one.citations] == [c.spans for c in other.citations]
    assert [p.passage_id for p in one.passages] == [p.passage_id for p in other.passages]
    back = Library.create(tmp_path / "back", TinyEmbedder())  # type: ignore[operator]
    assert migrate(cluster, back, seen).passages == moved.passages
    back.close()


def test_it_goes_on_where_it_stopped(filled: Library, cluster: ClusterLibrary) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(filled, cluster, stop)
    changed = "# Part 0\n\nShip 0 sank."
    filled.add(changed.encode(), "0.md", origin="0.md")
    moved = migrate(filled, cluster, seen)
    assert (moved.copied, moved.present) == (3, 2), "two that were missing, one that had changed"
    assert changed in {cluster.document(record.id).source for record in cluster.documents()}


def test_a_target_with_other_documents_is_left_alone(filled: Library, cluster: ClusterLibrary) -> None:
    cluster.add(b"Something else.", "else.md")
    with pytest.raises(MigrationError, match="1 documents that the source does not"):
        migrate(filled, cluster, seen)
    assert len(cluster.documents()) == 1


def test_a_difference_is_found(
    filled: Library, cluster: ClusterLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = cluster.store.put

    def shifted(
        record: object,
        document: object,
        reading: object,
        chunks: object,
        vectors: object,
        *rest: object,
        **more: object,
    ) -> None:
        put(record, document, reading, chunks, vectors[::-1], *rest, **more)  # type: ignore[index,arg-type]

    monkeypatch.setattr(cluster.store, "put", shifted)
    with pytest.raises(MigrationError, match="passages are missing"):
        migrate(filled, cluster, seen)

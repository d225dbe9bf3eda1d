"""The store: one truth, whole documents, stable ids, clear refusals."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from pathlib import Path

import pytest
from making import make_pdf
from tiny import TinyEmbedder

from index.build import Indexer
from index.errors import (
    ConflictError,
    DamagedIndexError,
    FormatError,
    MissingIndexError,
    ModelMismatchError,
    UnknownDocumentError,
)
from index.store import FILE, Store, stored_model

TEXT = b"# Rules\n\nThe office opens at nine. It closes at five.\n\n- Bring a badge."


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "index", "tiny", 64)


def indexer(store: Store) -> Indexer:
    return Indexer(store, TinyEmbedder())


def test_a_document_comes_back_as_it_went_in(store: Store) -> None:
    added = indexer(store).add("naïve 𝒳 text\r\n".encode(), "notes.txt")
    stored = store.document(added.document.id)
    assert stored.source == "naïve 𝒳 text\r\n"
    assert stored.record.sha256 == hashlib.sha256(stored.source.encode()).hexdigest()
    assert stored.reading.text == "naïve 𝒳 text"
    assert [(s.start, s.end) for s in stored.reading.source_spans(6, 12)] == [(6, 12)]


def test_the_same_bytes_change_nothing(store: Store) -> None:
    first = indexer(store).add(TEXT, "a.md", origin="/a.md")
    generation = store.generation()
    again = indexer(store).add(TEXT, "a.md", origin="/a.md")
    elsewhere = indexer(store).add(TEXT, "b.md", origin="/b.md")
    assert (again.outcome, elsewhere.outcome) == ("unchanged", "unchanged")
    assert again.document == elsewhere.document == first.document
    assert store.generation() == generation


def test_changed_bytes_replace_the_document_under_its_id(store: Store) -> None:
    first = indexer(store).add(TEXT, "a.md", origin="/a.md").document
    second = indexer(store).add(b"Entirely different.", "a.md", origin="/a.md")
    assert second.outcome == "replaced"
    assert (second.document.id, second.document.added_at) == (first.id, first.added_at)
    assert store.document(first.id).source == "Entirely different."
    assert [row.document_id for row in store.passages()] == [first.id]


def test_removing_leaves_nothing(store: Store) -> None:
    document = indexer(store).add(TEXT, "a.md").document
    store.remove(document.id)
    assert store.documents() == []
    assert list(store.passages()) == []
    with pytest.raises(UnknownDocumentError, match=document.id):
        store.remove(document.id)


def test_a_writer_that_saw_something_else_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    indexer(store).add(TEXT, "a.md", origin="/a.md")
    slow, put = indexer(store), store.put

    def put_late(*args: object, **kwargs: object) -> None:
        monkeypatch.setattr(store, "put", put)
        indexer(store).add(b"The faster writer.", "a.md", origin="/a.md")
        put(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "put", put_late)
    with pytest.raises(ConflictError, match="another writer"):
        slow.add(b"The slower writer.", "a.md", origin="/a.md")
    assert [store.document(r.id).source for r in store.documents()] == ["The faster writer."]


def test_a_failed_write_leaves_the_document_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    document = indexer(store).add(TEXT, "a.md", origin="/a.md").document
    generation = store.generation()

    def fail(*_: object) -> object:
        yield from ()
        raise OSError("no space left")

    monkeypatch.setattr("index.store._passage_rows", fail)
    with pytest.raises(OSError, match="no space"):
        indexer(store).add(b"New text.", "a.md", origin="/a.md")
    assert store.generation() == generation
    assert store.document(document.id).source == TEXT.decode()
    assert len(list(store.passages())) == document.passages


def test_threads_write_one_after_the_other(store: Store) -> None:
    threads = [
        threading.Thread(target=indexer(store).add, args=(f"Text number {i}.".encode(), f"{i}.txt"))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.documents()) == store.generation() == 8


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingIndexError, match="pincite ingest"):
        Store(tmp_path, "tiny", 64)
    assert not list(tmp_path.iterdir())


def test_row_40_another_model_is_refused(store: Store) -> None:
    with pytest.raises(ModelMismatchError, match=r"tiny \(64 dimensions\).*other \(32"):
        Store(store.folder, "other", 32)
    assert stored_model(store.folder) == "tiny"


def test_row_42_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, but somebody's file" * 100)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(DamagedIndexError, match="backup"):
        Store.create(tmp_path, "tiny", 64)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_format_of_the_future_is_refused(store: Store) -> None:
    with sqlite3.connect(store.folder / FILE) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    connection.close()
    with pytest.raises(FormatError, match="format 99, this version reads 2"):
        Store(store.folder, "tiny", 64)


PDF = make_pdf([[(72, 700, "The office opens at nine. It closes at five.")]])


def test_the_bytes_of_a_pdf_are_kept_as_long_as_the_document(store: Store) -> None:
    document = indexer(store).add(PDF, "a.pdf", origin="/a").document
    text = indexer(store).add(TEXT, "a.md").document
    assert store.original(document.id) == PDF
    assert (store.original(text.id), store.keeps_original(text.id)) == (None, False)
    longer = make_pdf([[(72, 700, "The office opens at ten.")]])
    indexer(store).add(longer, "a.pdf", origin="/a")
    assert store.original(document.id) == longer
    store.remove(document.id)
    assert not store.keeps_original(document.id)


def test_an_original_is_not_kept_beyond_its_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.store.KEPT_BYTES", len(PDF) - 1)
    document = indexer(store).add(PDF, "a.pdf").document
    assert not store.keeps_original(document.id)
    assert store.document(document.id).boxes is not None


def test_a_store_of_format_1_is_brought_up_to_date_and_completed(store: Store) -> None:
    document = indexer(store).add(PDF, "a.pdf").document
    generation = store.generation()
    store.close()
    with sqlite3.connect(store.folder / FILE) as connection:
        connection.execute("DROP TABLE originals")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    connection.close()
    opened = Store(store.folder, "tiny", 64)
    assert opened.documents() == [document]
    assert not opened.keeps_original(document.id)
    assert indexer(opened).add(PDF, "a.pdf").outcome == "unchanged"
    assert opened.original(document.id) == PDF
    assert opened.generation() == generation
    opened.close()
    Store(store.folder, "tiny", 64).close()

"""Documents into an index: many at once as one by one, and nothing embedded twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny import TinyEmbedder

from index import build
from index.build import Ingested, Source
from index.library import Library
from index.types import Progress, Vectors
from ingest.readers import NoTextError

NOTES = [f"# Note {i}\n\nThe door number {i} is green. It is open." for i in range(30)]


class Listening(TinyEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.asked.append(list(texts))
        return super().embed_passages(texts, progress)


@pytest.fixture
def embedder() -> Listening:
    return Listening()


@pytest.fixture
def library(tmp_path: Path, embedder: Listening) -> Library:
    return Library.create(tmp_path / "index", embedder)


def source(name: str, read: Callable[[], bytes]) -> Source:
    return Source(name, f"/{name}", 100, read)


def notes() -> list[Source]:
    return [source(f"{i}.md", text.encode) for i, text in enumerate(NOTES)]


def missing() -> bytes:
    raise FileNotFoundError("it is gone")


def rows(library: Library) -> list[tuple[str, int, bytes, bytes]]:
    return sorted(
        (row.document_id, row.ordinal, row.vector.tobytes(), row.sentence_vectors.tobytes())
        for row in library.passages()
    )


def test_many_are_stored_as_one_by_one(
    library: Library, tmp_path: Path, embedder: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_BATCH_TEXTS", 20)
    outcomes = list(library.add_all(notes()))
    assert [each.outcome for each in outcomes if isinstance(each, Ingested)] == ["added"] * len(NOTES)
    assert len(embedder.asked) < len(NOTES) / 2, "small documents are embedded together"
    other = Library.create(tmp_path / "other", TinyEmbedder())
    for each in notes():
        other.add(each.read(), each.name, origin=each.origin)
    assert rows(library) == rows(other)
    other.close()


def test_each_outcome_stands_in_its_place(library: Library) -> None:
    library.add(NOTES[0].encode(), "0.md", origin="/0.md")
    sources = [
        source("gone.md", missing),
        source("0.md", NOTES[0].encode),
        source("1.md", NOTES[1].encode),
        source("empty.md", lambda: b" "),
        source("copy.md", NOTES[1].encode),
    ]
    gone, same, new, empty, copy = library.add_all(sources)
    assert isinstance(gone, FileNotFoundError)
    assert isinstance(same, Ingested)
    assert same.outcome == "unchanged"
    assert isinstance(new, Ingested)
    assert new.outcome == "added"
    assert isinstance(empty, NoTextError)
    assert isinstance(copy, Ingested)
    assert (copy.outcome, copy.document) == ("unchanged", new.document)
    assert len(library.documents()) == 2


def test_progress_counts_bytes_to_the_end(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_BATCH_TEXTS", 20)
    seen: list[tuple[int, int]] = []
    list(library.add_all(notes(), lambda done, total: seen.append((done, total))))
    assert {total for _, total in seen} == {100 * len(NOTES)}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == 100 * len(NOTES)


def test_an_iterator_that_is_closed_leaves_out_the_rest(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_BATCH_TEXTS", 1)
    outcomes = library.add_all(notes())
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert len(library.documents()) == 1


def test_only_new_texts_of_a_changed_document_are_embedded(library: Library, embedder: Listening) -> None:
    old = "# Doors\n\n## Front\n\nThe front door is green.\n\n## Back\n\nThe back door is red."
    library.add(old.encode(), "doors.md", origin="doors")
    embedder.asked.clear()
    library.add(old.replace("red", "blue").encode(), "doors.md", origin="doors")
    (asked,) = embedder.asked
    assert "The back door is blue." in asked
    assert not {"The front door is green.", "Front", "Back"} & set(asked)
    fresh = TinyEmbedder()
    for row in library.passages():
        document = library.document(row.document_id)
        for (start, end, _), vector in zip(row.sentences.tolist(), row.sentence_vectors, strict=True):
            assert np.allclose(vector, fresh.embed_question(document.reading.text[start:end]), atol=1e-3)


def test_a_text_that_stands_twice_is_embedded_once(library: Library, embedder: Listening) -> None:
    library.add(b"It is open.\n\nThe door is green.\n\nIt is open.", "twice.txt")
    (asked,) = embedder.asked
    assert asked.count("It is open.") == 1

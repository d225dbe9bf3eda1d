"""One contract for whatever holds the passages: the answerer must not notice which it is.

Every test runs on each backend. Where PINCITE_TEST_QDRANT_URL names a real server (qdrant://HOST:PORT), it is
one of them; without one the engine is qdrant-client's local mode. PostgreSQL is real in any case.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tiny import TinyEmbedder

from index.backend import Backend, View
from index.cluster_engine import Address
from index.cluster_library import ClusterLibrary
from index.embedding import open_embedder
from index.errors import ConflictError, ModelMismatchError, UnknownDocumentError
from index.lexical import terms
from index.library import Library
from index.reader import Reader
from index.search import SearchParameters, rank
from index.types import Embedder
from service.answering import Answerer

QDRANT = os.environ.get("PINCITE_TEST_QDRANT_URL")
Make = Callable[[Embedder], Backend]


@pytest.fixture(params=["embedded", "local", "server"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Make an empty index of one kind, with the embedder that is asked for; the same one when called again."""
    opened: list[Backend] = []
    database = ""
    address = Address.parse("qdrant://memory")
    if request.param != "embedded":
        if request.param == "server":
            if QDRANT is None:
                pytest.skip("PINCITE_TEST_QDRANT_URL names no Qdrant server")
            address = Address.parse(f"{QDRANT}?collection=test-{uuid.uuid4().hex[:8]}")
        database = request.getfixturevalue("postgres").database()

    def make(embedder: Embedder) -> Backend:
        if request.param == "embedded":
            library: Backend = Library.create(tmp_path / "made", embedder)
        else:
            library = ClusterLibrary.open(address, database, embedder, create=True)
        opened.append(library)
        return library

    yield make
    for library in opened:
        library.close()


@pytest.fixture
def backend(make: Make) -> Backend:
    return make(TinyEmbedder())


def report(number: int, sections: int = 1) -> bytes:
    """Return a document of several passages about subjects of its own."""
    text = f"# Report {number}\n"
    for section in range(sections):
        facts = [
            f"Fact {fact} of part {section} says that region{number}{section} grew by {fact * 7 + number} percent."
            for fact in range(12)
        ]
        text += f"\n## Part {section} of {number}\n\n" + " ".join(facts) + "\n"
    return text.encode()


def fill(*libraries: Backend) -> None:
    for library in libraries:
        for number in range(4):
            data = report(number, sections=number + 1)
            library.add(data, f"{number}.md", origin=f"/{number}.md", publishing=False)
        library.refresh()


class Found(NamedTuple):
    """A ranked passage, named by what it is, with its scores."""

    document: str
    ordinal: int
    start: int
    end: int


def found(
    view: View, question: str, documents: list[str] | None = None
) -> dict[Found, tuple[float, float, float]]:
    ranking = rank(view, question, TinyEmbedder().embed_question(question), documents)
    scores = zip(ranking.passage_scores, ranking.dense, ranking.lexical, strict=True)
    rows = view.passages[ranking.passage_rows].tolist()
    names = [Found(view.documents[row[0]], row[1], row[2], row[3]) for row in rows]
    return {name: tuple(map(float, each)) for name, each in zip(names, scores, strict=True)}  # type: ignore[misc]


QUESTIONS = [
    "How much did region32 grow?",
    "Which part says 7 percent?",
    "fact 11 of part 2",
    "nothing like it",
    "",
]


def test_what_is_found_and_how_it_scores(backend: Backend, library: Library) -> None:
    fill(backend, library)
    for question in QUESTIONS:
        mine, reference = found(backend.snapshot(), question), found(library.snapshot(), question)
        assert mine.keys() == reference.keys(), question
        for name, scores in reference.items():
            assert mine[name] == pytest.approx(scores, abs=1e-5), question


def test_the_view_says_what_the_index_holds(backend: Backend, library: Library) -> None:
    fill(backend, library)
    mine, reference = backend.snapshot(), library.snapshot()
    assert mine.fingerprint == reference.fingerprint
    assert (mine.document_count, mine.passage_count) == (reference.document_count, reference.passage_count)
    words = terms("how much did region32 grow percent fact nowhere")
    assert [mine.document_frequency(w) for w in words] == [reference.document_frequency(w) for w in words]
    document = library.documents()[-1].id
    for start, end in [(0, 1), (100, 400), (0, 10_000), (9_999_999, 9_999_999)]:
        assert [*map(tuple, mine.sentence_spans(document, start, end))] == reference.sentence_spans(
            document, start, end
        )


def test_records_documents_and_passages_are_the_same(backend: Backend, library: Library) -> None:
    fill(backend, library)
    expected = [(r.id, r.title, r.sha256, r.characters, r.passages) for r in library.documents()]
    assert [(r.id, r.title, r.sha256, r.characters, r.passages) for r in backend.documents()] == expected
    for record in library.documents():
        assert backend.document(record.id).source == library.document(record.id).source
        assert backend.document(record.id).reading.text == library.document(record.id).reading.text
    rows = zip(backend.passages(), library.passages(), strict=True)
    for mine, reference in rows:
        assert (mine.document_id, mine.ordinal, mine.start, mine.end) == (
            reference.document_id,
            reference.ordinal,
            reference.start,
            reference.end,
        )
        assert np.array_equal(mine.vector, reference.vector)
        assert np.array_equal(mine.sentences, reference.sentences)
        assert np.array_equal(mine.sentence_vectors, reference.sentence_vectors)


def test_rows_that_follow_each_other_are_neighbours(backend: Backend) -> None:
    fill(backend)
    view = backend.snapshot()
    vector = TinyEmbedder().embed_question("region32 region30")
    rows, _, _ = view.candidates(terms("region32 region30"), vector, 1, None)
    assert 0 < len(rows) < view.passage_count
    assert np.all(np.diff(rows) > 0)
    passages = view.passages.tolist()
    for row, after in pairwise(passages):
        if view.documents[row[0]] and row[0] == after[0]:
            assert after[1] == row[1] + 1, "rows that touch are of passages that do"
    for row in rows.tolist():
        assert view.documents[passages[row][0]]
        sentences = view.sentences[view.sentence_rows(row).start : view.sentence_rows(row).stop]
        assert set(sentences[:, 0].tolist()) == {row}
        assert sentences[0, 1] >= passages[row][2]
        assert sentences[-1, 2] <= passages[row][3]


def test_a_filter_leaves_only_its_documents(backend: Backend) -> None:
    fill(backend)
    wanted = [record.id for record in backend.documents()][1:3]
    assert {name.document for name in found(backend.snapshot(), "percent part", wanted)} == set(wanted)
    assert found(backend.snapshot(), "percent", []) == {}
    assert found(backend.snapshot(), "percent", ["not there"]) == {}


def test_a_document_is_added_once_replaced_and_removed(backend: Backend) -> None:
    first = backend.add(report(1), "1.md", origin="/1.md")
    assert first.outcome == "added"
    assert backend.add(report(1), "1.md", origin="/1.md").outcome == "unchanged"
    assert backend.add(report(1), "copy.md").outcome == "unchanged"
    before = backend.snapshot().fingerprint
    assert backend.add(report(2, sections=3), "1.md", origin="/1.md").outcome == "replaced"
    assert backend.snapshot().fingerprint != before
    assert backend.record(first.document.id).added_at == first.document.added_at
    assert found(backend.snapshot(), "region20").keys() == found(backend.snapshot(), "region11").keys()
    assert backend.snapshot().document_frequency("region11") == 0
    backend.remove(first.document.id)
    assert backend.documents() == []
    assert found(backend.snapshot(), "region20") == {}
    assert backend.snapshot().passage_count == backend.snapshot().document_frequency("fact") == 0
    with pytest.raises(UnknownDocumentError, match=first.document.id):
        backend.remove(first.document.id)
    with pytest.raises(UnknownDocumentError):
        backend.document(first.document.id)


def test_contents_that_come_back_have_their_fingerprint_back(backend: Backend) -> None:
    fill(backend)
    before = backend.snapshot().fingerprint
    added = backend.add(report(9), "9.md", origin="/9.md")
    backend.remove(added.document.id)
    assert backend.snapshot().fingerprint == before


def test_a_slower_writer_is_told(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.add(report(1), "1.md", origin="/1.md")
    embed, calls = backend.embedder.embed_passages, []

    def overtaken(texts: list[str], progress: object = None) -> object:
        if not calls:
            calls.append(1)
            backend.add(report(3), "1.md", origin="/1.md")
        return embed(texts)

    monkeypatch.setattr(backend.embedder, "embed_passages", overtaken)
    with pytest.raises(ConflictError, match="send it again"):
        backend.add(report(2), "1.md", origin="/1.md")
    (record,) = backend.documents()
    assert backend.document(record.id).source == report(3).decode()
    assert {name.document for name in found(backend.snapshot(), "region30")} == {record.id}


def test_another_model_is_refused(make: Make) -> None:
    make(TinyEmbedder())
    with pytest.raises(ModelMismatchError, match="other"):
        make(TinyEmbedder("other"))


def test_a_smaller_search_finds_the_same_best(backend: Backend, library: Library) -> None:
    fill(backend, library)
    question = "region32"
    vector = TinyEmbedder().embed_question(question)
    best = []
    for view in (backend.snapshot(), library.snapshot()):
        ranking = rank(view, question, vector, None, SearchParameters(candidates=2))
        row = view.passages[ranking.passage_rows[0]]
        best.append((view.documents[row[0]], row[1]))
    assert best[0] == best[1]


def test_the_handbook_is_cited_alike(make: Make, tmp_path: Path) -> None:
    """With the real models: every citation and every passage shown, to the character."""
    embedder = open_embedder()
    handbook = (Path(__file__).parent.parent / "documents" / "handbook.md").read_bytes()
    backend, library = make(embedder), Library.create(tmp_path / "reference", embedder)
    for each in (backend, library):
        each.add(handbook, "handbook.md")
    reader = Reader.open()
    mine, reference = Answerer(backend, reader=reader), Answerer(library, reader=reader)
    for question in [
        "How many characters may a question have?",
        "What happens when a document is sent twice?",
        "Which port does the service listen on?",
        "Who won the football cup?",
    ]:
        one, other = mine.answer(question), reference.answer(question)
        assert one.status == other.status
        assert one.answer_id == other.answer_id
        assert [c.spans for c in one.citations] == [c.spans for c in other.citations]
        assert [p.passage_id for p in one.passages] == [p.passage_id for p in other.passages]
    library.close()

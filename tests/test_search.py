"""Ranking: the arithmetic of the fusion, and what it must hold for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from index.evidence import assemble
from index.lexical import terms
from index.library import Library
from index.search import Ranking, SearchParameters, _scaled, question_weight, rank
from index.snapshot import Snapshot

PARAGRAPHS = [
    "The committee met in March. It elected a chair.",
    "The budget grew by four percent. Travel costs fell.",
    "The chair resigned in May. A successor was elected in June.",
]


@pytest.fixture
def snapshot(library: Library) -> Snapshot:
    for number, paragraph in enumerate(PARAGRAPHS):
        library.add(f"# Report {number}\n\n{paragraph}".encode(), f"{number}.md")
    return library.snapshot()


def ranking_for(library: Library, question: str, numbers: list[int] | None = None) -> Ranking:
    snapshot = library.snapshot()
    documents = None if numbers is None else [snapshot.documents[number] for number in numbers]
    return rank(snapshot, question, library.embedder.embed_question(question), documents)


def test_scaling_runs_from_0_to_1() -> None:
    assert _scaled(np.array([2, 4, 3], np.float32)).tolist() == [0, 1, 0.5]
    assert _scaled(np.array([7, 7], np.float32)).tolist() == [0, 0]
    assert _scaled(np.empty(0, np.float32)).tolist() == []


def test_a_chance_match_of_one_word_counts_little() -> None:
    # the best match reaches 2 of at least 8: a quarter, not 1
    assert _scaled(np.array([0, 1, 2], np.float32), 8.0).tolist() == [0, 0.125, 0.25]
    assert _scaled(np.array([0, 8, 16], np.float32), 8.0).tolist() == [0, 0.5, 1]


def test_words_that_no_document_holds_weigh_most(snapshot: Snapshot) -> None:
    assert question_weight(snapshot, ["zebra"]) > question_weight(snapshot, terms("chair")) > 0
    assert question_weight(snapshot, []) == 0


@given(hnp.arrays(np.float32, st.integers(1, 20), elements=st.floats(-100, 100, width=32)))
def test_scaling_keeps_the_order(scores: np.ndarray) -> None:
    scaled = _scaled(scores)
    assert np.all((scaled >= 0) & (scaled <= 1))
    assert np.all(np.diff(scaled[np.argsort(scores, kind="stable")]) >= 0)


@pytest.mark.usefixtures("snapshot")
def test_the_passage_with_the_words_comes_first(library: Library) -> None:
    ranking = ranking_for(library, "budget percent")
    assert ranking.passage_rows[0] == 1
    start, end = library.snapshot().sentences[ranking.sentence_rows[0], 1:3]
    assert (
        library.document(library.snapshot().documents[1]).reading.text[start:end]
        == "The budget grew by four percent."
    )


@pytest.mark.usefixtures("snapshot")
def test_a_filter_leaves_only_its_documents(library: Library) -> None:
    ranking = ranking_for(library, "elected chair budget", [2])
    assert set(ranking.passage_rows.tolist()) == {2}
    assert {int(library.snapshot().sentences[row, 0]) for row in ranking.sentence_rows} == {2}
    assert ranking_for(library, "elected", []).passage_rows.tolist() == []


def test_neighbours_of_other_documents_lend_nothing(library: Library) -> None:
    for number in range(3):
        library.add(f"Document {number} stands alone.".encode(), f"{number}.txt")
    ranking = ranking_for(library, "document 1 stands alone")
    # one passage a document: two scaled scores and its best sentence's, at most 1 each, and no neighbour's share
    assert float(ranking.passage_scores.max()) <= 2 + SearchParameters().best_sentence + 1e-6


@pytest.mark.usefixtures("snapshot")
@given(st.text(max_size=80))
def test_row_55_any_text_is_only_text(text: str) -> None:
    assert all(isinstance(term, str) and term for term in terms(text))


@pytest.mark.parametrize(
    "question", ["a OR b) AND NOT", 'text:"x"^2~', "'; DROP TABLE documents; --", ".*+[a-z]{2}"]
)
@pytest.mark.usefixtures("snapshot")
def test_row_55_query_syntax_is_looked_up_as_words(library: Library, question: str) -> None:
    assert len(ranking_for(library, question).passage_rows) == 3


def test_accents_and_endings_do_not_matter() -> None:
    assert terms("Calderón's elections") == terms("calderon elected's") or terms("Calderón") == terms(
        "calderon"
    )
    assert terms("elections") == terms("election") == ["elect"]
    assert terms("the what of it") == []


@pytest.mark.usefixtures("snapshot")
def test_evidence_is_merged_where_it_touches_and_best_first(library: Library) -> None:
    ranking = ranking_for(library, "Who was elected chair?")
    stretches = assemble(library.snapshot(), ranking, tau=0.0, characters=10_000, limit=10)
    assert len(stretches) == 3, "all sentences are taken, so each document is one stretch"
    assert [s.score for s in stretches] == sorted((s.score for s in stretches), reverse=True)
    best = assemble(library.snapshot(), ranking, tau=1.0, characters=10_000, limit=10)
    assert len(best) == 1
    assert best[0].score == pytest.approx(float(ranking.sentence_scores[0]))
    assert len(assemble(library.snapshot(), ranking, tau=0.0, characters=1, limit=10)) == 1

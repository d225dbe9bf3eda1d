"""The measures, with the arithmetic in the assertion."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.extents import Extent
from eval.metrics import (
    Cited,
    citation_precision,
    citation_recall,
    covered,
    overlap,
    ranked,
    sentence_f1,
)
from eval.questions import Fact, Question


def span(start: int, end: int) -> Extent:
    return Extent.of([("d", start, end)])


def question(*facts: Fact, context: Extent | None = None) -> Question:
    return Question("q-1", "fact", "tune", "When?", facts, context or Extent())


FACT = Fact("nine", (span(0, 100),))
TWO_PLACES = Fact("nine", (span(0, 100), span(500, 520)))


def test_a_fact_is_covered_from_three_quarters_of_one_evidence_on() -> None:
    assert covered([FACT], span(0, 75)) == (True,)
    assert covered([FACT], span(0, 74)) == (False,)
    assert covered([TWO_PLACES], span(500, 515)) == (True,), "15 / 20 of the alternative"
    assert covered([TWO_PLACES], span(0, 50) | span(500, 510)) == (False,), "no adding up over alternatives"


def test_overlap_in_characters() -> None:
    measured = overlap(question(FACT), span(50, 200))
    assert measured.recall == 50 / 100
    assert measured.precision == 50 / 150
    assert measured.iou == 50 / 200
    assert measured.f1 == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))


def test_overlap_takes_the_best_covered_evidence_and_forgives_the_others() -> None:
    measured = overlap(question(TWO_PLACES), span(500, 520) | span(0, 10))
    assert (measured.recall, measured.precision, measured.iou) == (20 / 20, 30 / 30, 20 / 20)


def test_overlap_leaves_context_out_of_account() -> None:
    asked = question(FACT, context=span(100, 150))
    assert overlap(asked, span(0, 150)).precision == 100 / 100
    assert overlap(asked, span(0, 200)).precision == 100 / 150
    assert overlap(asked, span(100, 150)).precision == 0, "context alone is no evidence"


def test_nothing_shown_is_zero() -> None:
    measured = overlap(question(FACT), Extent())
    assert (measured.recall, measured.precision, measured.iou, measured.f1) == (0, 0, 0, 0)
    ranking = ranked(question(FACT), [])
    assert (ranking.ndcg_10, ranking.reciprocal_rank, ranking.hit_1) == (0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=5))
def test_measures_lie_between_zero_and_one(spans: list[tuple[int, int]]) -> None:
    shown = Extent.of(("d", start, end) for start, end in spans)
    measured = overlap(question(FACT, Fact("five", (span(150, 180),))), shown)
    assert 0 <= measured.iou <= min(measured.recall, measured.precision) + 1e-9
    assert max(measured.recall, measured.precision) <= 1


def test_ranking_counts_a_missing_fact_as_a_relevant_passage_not_found() -> None:
    second = Fact("five", (span(300, 400),))
    found = ranked(question(FACT, second), [span(600, 700), span(0, 100)])
    assert found.reciprocal_rank == 1 / 2
    assert found.hit_1 == 0
    assert found.ndcg_10 == pytest.approx((1 / log2(3)) / (1 / log2(2) + 1 / log2(3)))
    assert ranked(question(FACT, second), [span(0, 400)]).ndcg_10 == 1, "one passage may hold both"


def test_citation_recall_counts_statements_that_are_exactly_quoted() -> None:
    answer = "It opens at nine. [1] It closes at five. [2]"
    places = [(0, 17, True), (22, 40, True)]
    assert citation_recall(answer, places) == 2 / 2
    assert citation_recall(answer, [(0, 17, True), (22, 40, False)]) == 1 / 2
    assert citation_recall(answer, [(0, 17, True)]) == 1 / 2, "what no citation holds is a statement, too"
    assert citation_recall("Nobody knows.", []) == 0 / 1
    assert citation_recall(None, []) == 0


def test_citation_precision_counts_citations_that_bear_on_the_question() -> None:
    right, within, beside = Cited(span(0, 300), True), Cited(span(10, 20), True), Cited(span(400, 500), True)
    assert citation_precision(question(FACT), [right, within, beside]) == 2 / 3
    assert citation_precision(question(FACT), [right, Cited(span(0, 100), False)]) == 1 / 2
    assert citation_precision(question(FACT), []) == 0


def test_sentence_f1_is_that_of_the_annotator_who_agrees_most() -> None:
    assert sentence_f1({1, 2, 3}, [{7}, {2, 3, 4, 5}]) == pytest.approx(
        2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3)
    )
    assert sentence_f1(set(), [{1}]) == 0
    assert sentence_f1({-1, 0}, [{0}]) == pytest.approx(2 * 1 * 0.5 / 1.5), (
        "a sentence from elsewhere is wrong"
    )

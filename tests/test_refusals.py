"""Confidence as a ranking and as a probability."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.refusals import (
    aurc,
    auroc,
    brier_score,
    expected_calibration_error,
    operating_point,
    reliability,
    risk_coverage,
)


def test_auroc_counts_pairs_in_the_right_order() -> None:
    assert auroc([0.9, 0.4], [0.5, 0.1]) == 3 / 4
    assert auroc([0.5], [0.5]) == 1 / 2
    with pytest.raises(ValueError, match="0 and 1 questions"):
        auroc([], [0.5])


def test_operating_point_refuses_at_most_the_share() -> None:
    answerable = [i / 20 for i in range(1, 21)]
    point = operating_point(answerable, [0.01, 0.12, 0.9, 0.2], 0.15)
    assert point.threshold == 4 / 20
    assert point.answerable_refused == 3 / 20
    assert point.unanswerable_refused == 2 / 4, "0.2 is not below the threshold"
    equal = operating_point([0.5] * 10, [0.5] * 4, 0.15)
    assert (equal.answerable_refused, equal.unanswerable_refused) == (0, 0), "equals are answered together"


@given(
    st.lists(st.floats(0, 1), min_size=1), st.lists(st.floats(0, 1)), st.sampled_from([0.05, 0.15, 0.5, 1.0])
)
def test_operating_point_keeps_its_promise(
    answerable: list[float], others: list[float], share: float
) -> None:
    assert operating_point(answerable, others, share).answerable_refused <= share


def test_risk_over_coverage() -> None:
    confidence, right = [0.9, 0.8, 0.8, 0.1], [True, True, False, False]
    coverage, risk = risk_coverage(confidence, right)
    assert coverage.tolist() == [1 / 4, 3 / 4, 4 / 4]
    assert risk.tolist() == [0 / 1, 1 / 3, 2 / 4]
    assert aurc(confidence, right) == pytest.approx(1 / 4 * 0 + 2 / 4 * 1 / 3 + 1 / 4 * 2 / 4)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_all_answered_have_the_risk_of_all(outcomes: list[tuple[float, bool]]) -> None:
    confidence, right = [c for c, _ in outcomes], [r for _, r in outcomes]
    coverage, risk = risk_coverage(confidence, right)
    assert coverage[-1] == 1
    assert risk[-1] == pytest.approx(right.count(False) / len(right))
    assert min(risk) - 1e-9 <= aurc(confidence, right) <= max(risk) + 1e-9


def test_calibration() -> None:
    confidence, right = [0.95, 0.95, 0.95, 0.95, 0.15], [True, True, True, False, False]
    assert [(bin.count, bin.right) for bin in reliability(confidence, right)] == [(1, 0 / 1), (4, 3 / 4)]
    expected = 4 / 5 * (0.95 - 3 / 4) + 1 / 5 * (0.15 - 0)
    assert expected_calibration_error(confidence, right) == pytest.approx(expected)
    assert brier_score([0.8, 0.3], [True, False]) == pytest.approx((0.2**2 + 0.3**2) / 2)
    assert reliability([1.0], [True])[0].count == 1, "1.0 is in the last bin"

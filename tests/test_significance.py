"""Intervals and paired tests."""

from __future__ import annotations

import numpy as np
import pytest

from eval.significance import (
    Difference,
    interval,
    mean_interval,
    paired_bootstrap,
    paired_difference,
    verdicts,
)


def test_a_mean_lies_in_its_interval_as_wide_as_theory_says() -> None:
    found = mean_interval([0.0, 1.0] * 200)
    assert found.value == 0.5
    half = 1.96 * np.sqrt(0.25 / 400)
    assert (found.low, found.high) == (
        pytest.approx(0.5 - half, abs=0.01),
        pytest.approx(0.5 + half, abs=0.01),
    )
    assert mean_interval([1.0, 1.0]).low == mean_interval([1.0, 1.0]).high == 1.0
    assert found == mean_interval([0.0, 1.0] * 200), "the same every time"


def test_an_interval_of_any_statistic_resamples_each_group() -> None:
    a, b = np.arange(100.0), np.arange(100.0) + 50
    found = interval(lambda i, j: float(b[j].mean() - a[i].mean()), 100, 100)
    assert found.low < found.value == 50 < found.high


def test_a_paired_difference_by_permutation() -> None:
    assert paired_difference([0] * 6, [1] * 6).p == pytest.approx(2 / 2**6), "all of the 2^6 sign flips"
    assert paired_difference([0, 1] * 20, [1, 0] * 20).value == 0
    assert paired_difference([0, 1] * 20, [1, 0] * 20).p > 0.9
    assert paired_difference([0.5, 0.5], [0.5, 0.5]) == Difference(0.0, 1.0)
    assert paired_difference([0, 1, 1], [1, 1, 1]) == Difference(1 / 3, 1.0), "one question shows nothing"
    with pytest.raises(ValueError, match="2 and 1"):
        paired_difference([0, 1], [1])


def test_a_paired_bootstrap() -> None:
    values = np.linspace(0, 1, 50)
    same = paired_bootstrap(lambda i: float(values[i].mean()), lambda i: float(values[i].mean()), 50)
    assert (same.value, same.p) == (0, 1)
    higher = paired_bootstrap(lambda i: float(values[i].mean()), lambda i: float(values[i].mean() + 1), 50)
    assert higher.value == pytest.approx(1)
    assert higher.p < 0.01


def test_verdicts_are_corrected_for_their_number() -> None:
    differences = [Difference(0.1, 0.02), Difference(-0.2, 0.001), Difference(0.3, 0.04)]
    assert verdicts(differences, higher_is_better=[True, True, True]) == [
        "better", "worse", "better",
    ], "0.001 * 3, 0.02 * 2 and 0.04 * 1 are all below 0.05"  # fmt: skip
    assert verdicts(differences, higher_is_better=[True, False, True])[1] == "better"
    close = [Difference(0.1, 0.03), Difference(0.1, 0.04)]
    assert verdicts(close, higher_is_better=[True, True]) == ["indistinguishable"] * 2, "0.03 * 2 > 0.05"

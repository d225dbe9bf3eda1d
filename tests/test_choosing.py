"""Which sentences are cited: the arithmetic of the count, and what joins a choice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.choosing import FEATURES, Choice


def test_as_many_as_promise_the_best_f1() -> None:
    choice = Choice(0.0, {}, beta=1.0)
    # F1 of k: 2 * found / (k + all): 2*.9/(1+1.8) = .64, 2*1.7/(2+1.8) = .89, 2*1.8/(3+1.8) = .75
    assert choice.count(np.array([0.1, 0.9, 0.8], np.float32)) == 2
    # 2*.9/(1+1.2) = .82, 2*1.1/(2+1.2) = .69
    assert choice.count(np.array([0.9, 0.2, 0.1], np.float32)) == 1


def test_a_larger_beta_cites_more() -> None:
    probabilities = np.array([0.6, 0.4, 0.3, 0.1], np.float32)
    counts = [Choice(0.0, {}, beta).count(probabilities) for beta in (0.5, 1.0, 2.0, 4.0)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=20), st.floats(0.2, 4))
def test_at_least_one_and_no_more_than_there_are(probabilities: list[float], beta: float) -> None:
    count = Choice(0.0, {}, beta).count(np.array(probabilities, np.float32))
    assert 1 <= count <= len(probabilities)


def test_nothing_read_is_nothing_chosen() -> None:
    assert Choice(0.0, {}, 1.0).count(np.empty(0, np.float32)) == 0


def test_the_fitted_model_knows_every_feature_and_trusts_the_reader() -> None:
    choice = Choice.fitted()
    assert set(choice.weights) == set(FEATURES)
    assert choice.weights["reader"] > 0
    assert choice.weights["score"] > 0
    better = np.zeros((2, len(FEATURES)), np.float32)
    better[1, FEATURES.index("reader")] = -3
    first, second = choice.probabilities(better)
    assert first > second

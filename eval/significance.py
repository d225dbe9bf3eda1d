"""How sure a figure is, and whether two runs differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20170117
LEVEL = 0.05

Floats = Sequence[float] | NDArray[np.float64]
Verdict = Literal["better", "worse", "indistinguishable"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bootstrap interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher the second run's mean is, and the probability of such a difference by chance alone."""

    value: float
    p: float


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean of `values` with its percentile bootstrap interval (Efron, 1979)."""
    from scipy.stats import bootstrap

    data = np.asarray(values, float)
    if len(data) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    mean = float(data.mean())
    if np.ptp(data) == 0:
        return Interval(mean, mean, mean)
    found = bootstrap((data,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=SEED)
    return Interval(mean, float(found.confidence_interval.low), float(found.confidence_interval.high))


def interval(statistic: Callable[..., float], *sizes: int) -> Interval:
    """Return a statistic of whole groups of questions with its percentile bootstrap interval.

    `statistic` takes an index array for each of the groups, whose `sizes` are given; the groups are resampled
    separately.
    """
    rng = np.random.default_rng(SEED)
    value = statistic(*(np.arange(size) for size in sizes))
    draws = [statistic(*(rng.integers(0, size, size) for size in sizes)) for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def paired_difference(before: Floats, after: Floats) -> Difference:
    """Return the difference of two runs over the same questions by a paired permutation test, two-sided."""
    from scipy.stats import permutation_test

    if len(before) != len(after):
        raise ValueError(f"a paired test needs as many values in both runs: {len(before)} and {len(after)}")
    change = np.asarray(after, float) - np.asarray(before, float)
    if len(change) == 0:
        return Difference(0.0, 1.0)
    changed = change[change != 0]  # a sign flip of zero changes nothing
    if len(changed) < 2:  # the difference and its opposite are all there is
        return Difference(float(change.mean()), 1.0)
    result = permutation_test(
        (changed,), np.mean, permutation_type="samples", n_resamples=9999, vectorized=True, rng=SEED
    )
    return Difference(float(change.mean()), float(result.pvalue))


def paired_bootstrap(before: Callable[..., float], after: Callable[..., float], *sizes: int) -> Difference:
    """Return the difference of a statistic of whole groups in two runs, by a paired bootstrap, two-sided.

    Both functions get the same resampled questions (see `interval`). Use it where no mean over questions says
    what is compared, such as AUROC.
    """
    rng = np.random.default_rng(SEED)
    whole = [np.arange(size) for size in sizes]
    draws = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        rows = [rng.integers(0, size, size) for size in sizes]
        draws[i] = after(*rows) - before(*rows)
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return Difference(after(*whole) - before(*whole), min(2 * (tail + 1) / (RESAMPLES + 1), 1.0))


def verdicts(differences: Sequence[Difference], *, higher_is_better: Sequence[bool]) -> list[Verdict]:
    """Say of each of several differences whether it is one, by Holm's step-down correction at 5 %."""
    order = sorted(range(len(differences)), key=lambda i: differences[i].p)
    found: list[Verdict] = ["indistinguishable"] * len(differences)
    for rank, i in enumerate(order):
        if differences[i].p * (len(differences) - rank) >= LEVEL:
            break
        found[i] = "better" if (differences[i].value > 0) == higher_is_better[i] else "worse"
    return found

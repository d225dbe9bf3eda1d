"""How well confidence tells what can be answered, and whether it is a probability.

`confidence` and `right` are parallel: what the answerer said of a question, and whether the answer was right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Refusing below `threshold` refuses these shares of the answerable and of the unanswerable questions."""

    threshold: float
    answerable_refused: float
    unanswerable_refused: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions whose confidence lies in one tenth of the scale, as a point of the reliability diagram."""

    confidence: float
    right: float
    count: int


def auroc(answerable: Sequence[float], unanswerable: Sequence[float]) -> float:
    """Return the area under the ROC curve: how often an answerable question has the higher confidence.

    NaN where one of the two is empty: there is nothing to tell apart.
    """
    from sklearn.metrics import roc_auc_score

    if not answerable or not unanswerable:
        return float("nan")
    labels = [1] * len(answerable) + [0] * len(unanswerable)
    return float(roc_auc_score(labels, [*answerable, *unanswerable]))


def operating_point(
    answerable: Sequence[float], unanswerable: Sequence[float], refused: float
) -> OperatingPoint:
    """Return the highest threshold that refuses at most the share `refused` of the answerable questions."""
    if not answerable:
        return OperatingPoint(0.0, 0.0, 0.0)
    ordered = np.sort(np.asarray(answerable, float))
    allowed = int(refused * len(ordered) + 1e-9)
    threshold = float(ordered[min(allowed, len(ordered) - 1)])
    below = float(np.mean(ordered < threshold))
    others = np.asarray(unanswerable, float)
    return OperatingPoint(threshold, below, float(np.mean(others < threshold)) if len(others) else 0.0)


def risk_coverage(
    confidence: Sequence[float], right: Sequence[bool]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coverage and risk as the threshold falls: shares of questions answered, and of wrong ones in these.

    One point for each distinct confidence, so that questions with equal confidence are answered together
    (El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", 2010).
    """
    order = np.argsort(-np.asarray(confidence, float), kind="stable")
    scores = np.asarray(confidence, float)[order]
    wrong = np.cumsum(~np.asarray(right, bool)[order])
    last = (
        np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.empty(0, np.int64)
    )
    answered = last + 1
    return answered / max(len(scores), 1), wrong[last] / np.maximum(answered, 1)


def aurc(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Return the area under the risk-coverage curve, lower is better: the mean risk over all coverages.

    Questions with equal confidence share the risk of answering them all (Geifman et al., 2019).
    """
    coverage, risk = risk_coverage(confidence, right)
    return float(np.sum(np.diff(coverage, prepend=0.0) * risk))


def reliability(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Bin, ...]:
    """Return the points of the reliability diagram, ten bins of equal width; empty bins are left out."""
    scores, outcomes = np.asarray(confidence, float), np.asarray(right, float)
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    chosen = [place == i for i in range(BINS)]
    return tuple(
        Bin(float(scores[mask].mean()), float(outcomes[mask].mean()), int(mask.sum()))
        for mask in chosen
        if mask.any()
    )


def expected_calibration_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Return the mean distance of confidence from outcome over the reliability bins (Naeini et al., 2015)."""
    total = max(len(confidence), 1)
    bins = reliability(confidence, right)
    return sum(point.count / total * abs(point.confidence - point.right) for point in bins)


def brier_score(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Return the mean squared distance of confidence from outcome (Brier, 1950)."""
    from sklearn.metrics import brier_score_loss

    if not confidence:
        return 0.0
    return float(brier_score_loss(np.asarray(right, int), np.asarray(confidence, float), pos_label=1))

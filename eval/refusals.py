"""How well confidence tells what can be answered, and whether it is a probability.

`confidence` and `right` are parallel: what the answerer said of a question, and whether the answer was right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10

Floats = Sequence[float] | NDArray[np.float64]
Outcomes = Sequence[bool] | NDArray[np.bool_]


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


def auroc(answerable: Floats, unanswerable: Floats) -> float:
    """Return the area under the ROC curve: how often an answerable question has the higher confidence.

    Raises `ValueError` where one of the two is empty: there is nothing to tell apart.
    """
    from sklearn.metrics import roc_auc_score

    if len(answerable) == 0 or len(unanswerable) == 0:
        raise ValueError(f"AUROC compares two groups: {len(answerable)} and {len(unanswerable)} questions")
    labels = np.repeat([1, 0], [len(answerable), len(unanswerable)])
    return float(roc_auc_score(labels, np.concatenate([answerable, unanswerable])))


def operating_point(answerable: Floats, unanswerable: Floats, refused: float) -> OperatingPoint:
    """Return the highest threshold that refuses at most the share `refused` of the answerable questions."""
    if len(answerable) == 0:
        return OperatingPoint(0.0, 0.0, 0.0)
    ordered = np.sort(np.asarray(answerable, float))
    allowed = int(refused * len(ordered) + 1e-9)
    threshold = float(ordered[min(allowed, len(ordered) - 1)])
    below = float(np.mean(ordered < threshold))
    others = np.asarray(unanswerable, float)
    return OperatingPoint(threshold, below, float(np.mean(others < threshold)) if len(others) else 0.0)


def risk_coverage(confidence: Floats, right: Outcomes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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


def aurc(confidence: Floats, right: Outcomes) -> float:
    """Return the area under the risk-coverage curve, lower is better: the mean risk over all coverages.

    Questions with equal confidence share the risk of answering them all (Geifman et al., 2019).
    """
    coverage, risk = risk_coverage(confidence, right)
    return float(np.sum(np.diff(coverage, prepend=0.0) * risk))


def reliability(confidence: Floats, right: Outcomes) -> tuple[Bin, ...]:
    """Return the points of the reliability diagram, ten bins of equal width; empty bins are left out."""
    scores, outcomes = np.asarray(confidence, float), np.asarray(right, float)
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    chosen = [place == i for i in range(BINS)]
    return tuple(
        Bin(float(scores[mask].mean()), float(outcomes[mask].mean()), int(mask.sum()))
        for mask in chosen
        if mask.any()
    )


def expected_calibration_error(confidence: Floats, right: Outcomes) -> float:
    """Return the mean distance of confidence from outcome over the reliability bins (Naeini et al., 2015)."""
    total = max(len(confidence), 1)
    bins = reliability(confidence, right)
    return sum(point.count / total * abs(point.confidence - point.right) for point in bins)


def brier_score(confidence: Floats, right: Outcomes) -> float:
    """Return the mean squared distance of confidence from outcome (Brier, 1950)."""
    from sklearn.metrics import brier_score_loss

    if len(confidence) == 0:
        return 0.0
    return float(brier_score_loss(np.asarray(right, int), np.asarray(confidence, float), pos_label=1))

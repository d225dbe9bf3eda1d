"""Whether what was found answers the question: a probability, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from index.backend import View
from index.search import Ranking, question_weight
from index.types import Scores
from service.close_reading import CloseReading

FITTED = Path(__file__).parent / "refusal.json"
FEATURES = ("evidence", "answerable", "cosine_gap", "word_gap", "near")
_COMPARED = 30
_PASSAGES = 2
"""Of the passages read, the best ones that decide: with each more, a near miss has one more to look like an answer."""
_NEAR = 0.35
_TENTHS = 10.0
"""Cosines are told in tenths, so that the fit does not hold back a feature for its small numbers."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A logistic model over `FEATURES`. A confidence under `threshold` is a refusal."""

    intercept: float
    weights: Mapping[str, float]
    threshold: float

    @classmethod
    def fitted(cls) -> Refusal:
        """Return the model that `tools/fit_answers.py` fitted."""
        fields = orjson.loads(FITTED.read_bytes())
        return cls(fields["intercept"], fields["weights"], fields["threshold"])

    def confidence(self, features: Mapping[str, float]) -> float:
        """Return the probability that a question with these features is answered by what was found."""
        logit = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-logit))


def refusal_features(snapshot: View, ranking: Ranking, read: CloseReading | None) -> dict[str, float]:
    """Return what the refusal model looks at, by name.

    `evidence` and `answerable`: the log odds that the reader gives its best sentence and its best passage (0,
    undecided, where nothing was read). `cosine_gap` and `word_gap`: how far the best passage lies above the
    others, in cosine and in the share of the question's words that BM25 found. In documents about one thing
    every question about it is near, so that only the distance to the others says anything; `near` is how far even
    the nearest passage's cosine lies below a low mark, 0 above it.
    """
    weight = question_weight(snapshot, ranking.terms)
    return {
        "evidence": read.best_evidence(_PASSAGES) if read is not None else 0.0,
        "answerable": read.best_passage(_PASSAGES) if read is not None else 0.0,
        "cosine_gap": _TENTHS * _gap(ranking.dense),
        "word_gap": _gap(ranking.lexical) / weight if weight > 0 else 0.0,
        "near": _TENTHS * min(float(np.max(ranking.dense, initial=0.0)) - _NEAR, 0.0),
    }


def _gap(scores: Scores) -> float:
    """Return how far the best score lies above the mean of the 4th to the 15th among the passages ranked best."""
    ordered = -np.sort(-scores[:_COMPARED])
    others = ordered[3:15]
    return float(ordered[0] - others.mean()) if len(others) else float(np.max(ordered, initial=0.0))

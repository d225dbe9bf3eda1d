"""Whether what was found answers the question: a probability, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import orjson

from index.backend import View
from index.reader import Verdict
from index.search import Ranking, question_weight

FITTED = Path(__file__).parent / "refusal.json"
FEATURES = ("passage_cosine", "sentence_cosine", "coverage", "evidence")
_SMALL = 1e-3


class PassageReader(Protocol):
    """Reads passages for a question; `index.reader.Reader` is the trained one."""

    def read(self, question: str, passages: Sequence[Sequence[str]]) -> list[Verdict]:
        """Return one verdict a passage, which comes as its sentences."""
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A logistic model over `FEATURES`. A confidence under `threshold` is a refusal."""

    intercept: float
    weights: Mapping[str, float]
    threshold: float

    @classmethod
    def fitted(cls) -> Refusal:
        """Return the model that `tools/fit_refusal.py` fitted."""
        fields = orjson.loads(FITTED.read_bytes())
        return cls(fields["intercept"], fields["weights"], fields["threshold"])

    def confidence(self, features: Mapping[str, float]) -> float:
        """Return the probability that a question with these features is answered by what was found."""
        logit = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-logit))


def refusal_features(snapshot: View, ranking: Ranking, verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Return what the refusal model looks at, by name.

    `passage_cosine` and `sentence_cosine` are those of the nearest ones, `coverage` is how much of the
    question's rare words one passage holds, `evidence` the log odds that the reader gives its best sentence
    (0, undecided, where nothing was read).
    """
    best = max((score for verdict in verdicts for score in verdict.sentences), default=0.5)
    return {
        "passage_cosine": float(np.max(ranking.dense, initial=0.0)),
        "sentence_cosine": float(np.max(ranking.sentence_dense, initial=0.0)),
        "coverage": _coverage(snapshot, ranking),
        "evidence": math.log((best + _SMALL) / (1 - best + _SMALL)),
    }


def _coverage(snapshot: View, ranking: Ranking) -> float:
    """Return how much of the question's rare-word weight the best passage could match, 0 to 1.

    The BM25 score of the best matching passage against the sum of the terms' inverse document frequencies.
    """
    total = question_weight(snapshot, ranking.terms)
    best = float(np.max(ranking.lexical, initial=0.0))
    return min(best / (2.2 * total), 1.0) if total > 0 else 0.0

"""Whether what was found answers the question: a probability, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from index.search import Ranking
from index.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Refusal:
    """A logistic model over what retrieval saw. It tells far questions from answered ones, not near misses."""

    intercept: float = -10.0
    passage_cosine: float = 12.4
    sentence_cosine: float = 10.8
    coverage: float = 6.6
    threshold: float = 0.5

    def confidence(self, snapshot: Snapshot, ranking: Ranking) -> float:
        """Return the probability that the best sentences answer the question."""
        if len(ranking.sentence_rows) == 0:
            return 0.0
        logit = (
            self.intercept
            + self.passage_cosine * float(ranking.dense.max())
            + self.sentence_cosine * float(ranking.sentence_dense.max())
            + self.coverage * coverage(snapshot, ranking)
        )
        return 1.0 / (1.0 + math.exp(-logit))


def coverage(snapshot: Snapshot, ranking: Ranking) -> float:
    """Return how much of the question's rare-word weight the best passage could match, 0 to 1.

    The BM25 score of the best matching passage against the sum of the terms' inverse document frequencies.
    """
    total = 0.0
    size = len(snapshot.passage_words)
    for term in ranking.terms:
        frequency = snapshot.passage_words.document_frequency(term)
        total += math.log(1 + (size - frequency + 0.5) / (frequency + 0.5))
    best = float(np.max(ranking.lexical, initial=0.0))
    return min(best / (2.2 * total), 1.0) if total > 0 else 0.0

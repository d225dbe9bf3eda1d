"""How many sentences to cite, and which: each sentence's probability, and the set that promises the best F-measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from index.backend import View
from index.search import Ranking
from index.types import Scores
from service.asked import asked_kind, holds
from service.close_reading import CloseReading

FITTED = Path(__file__).parent / "choice.json"
FEATURES = ("reader", "score", "cosine", "place", "next", "kind")
_ALONE = -7.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A logistic model over `FEATURES`, one probability a sentence.

    `beta` above 1 cites rather a sentence too many than one too few.
    """

    intercept: float
    weights: Mapping[str, float]
    beta: float

    @classmethod
    def fitted(cls) -> Choice:
        """Return the model that `tools/fit_answers.py` fitted."""
        fields = orjson.loads(FITTED.read_bytes())
        return cls(fields["intercept"], fields["weights"], fields["beta"])

    def probabilities(self, features: NDArray[np.float32]) -> Scores:
        """Return the probability that each sentence is evidence; `features` has one row a sentence."""
        logits = self.intercept + features @ np.array([self.weights[name] for name in FEATURES], np.float32)
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)

    def count(self, probabilities: Scores) -> int:
        """Return how many of the likeliest sentences promise the highest F-measure.

        Of the k likeliest, sum(p) are expected to be right, out of sum(p) over all that are there to be found.
        """
        if not len(probabilities):
            return 0
        found = np.cumsum(-np.sort(-probabilities))
        weight = self.beta**2
        expected = (1 + weight) * found / (np.arange(1, len(found) + 1) + weight * found[-1])
        return int(np.argmax(expected)) + 1


def sentence_features(
    question: str, snapshot: View, ranking: Ranking, read: CloseReading
) -> NDArray[np.float32]:
    """Return what the model looks at, shape (sentences read, len(FEATURES)).

    `reader`: log odds against the best sentence's. `score`: retrieval's, as a share of the best one's. `cosine`
    with the question. `place` of its passage. `next`: `reader` of the sentence after it. `kind`: 1 where the
    sentence holds a number, date or name if one is asked for, -1 where it does not, 0 if none is asked for.
    """
    rows = ranking.sentence_rows[read.places]
    reader = read.evidence - np.max(read.evidence, initial=-np.inf)
    following = np.full(len(rows), _ALONE, np.float32)
    if len(rows) > 1:
        parents = snapshot.sentences[rows, 0]
        documents = snapshot.passages[parents, 0]
        joined = (np.diff(rows) == 1) & (documents[1:] == documents[:-1])
        following[:-1] = np.where(joined, reader[1:], _ALONE)
    kind = asked_kind(question)
    fits = [0.0 if kind is None else 1.0 if holds(text, kind) else -1.0 for text in read.texts]
    top = float(np.max(ranking.sentence_scores, initial=1e-6))
    columns = (
        reader,
        ranking.sentence_scores[read.places] / top,
        ranking.sentence_dense[read.places],
        read.passages,
        following,
        fits,
    )
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)


def choose(
    choice: Choice, question: str, snapshot: View, ranking: Ranking, read: CloseReading, characters: int
) -> dict[int, float]:
    """Return the places in the ranking of the sentences to cite, each with its probability.

    The likeliest come first, as many as `Choice.count` says and `characters` allow, one at least.
    """
    probabilities = choice.probabilities(sentence_features(question, snapshot, ranking, read))
    chosen: dict[int, float] = {}
    for at in np.argsort(-probabilities, kind="stable")[: choice.count(probabilities)]:
        place = int(read.places[at])
        characters -= len(read.texts[at])
        if chosen and characters < 0:
            break
        chosen[place] = float(probabilities[at])
    return chosen

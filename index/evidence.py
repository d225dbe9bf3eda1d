"""From ranked sentences to the stretches of text that are shown and cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from index.backend import View
from index.search import Ranking


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stretch of one document, `start:end` in reading offsets, with its best sentence's scores."""

    document: str
    start: int
    end: int
    score: float
    dense: float
    lexical: float


def assemble(
    snapshot: View, ranking: Ranking, *, tau: float, characters: int, limit: int | None = None
) -> list[Evidence]:
    """Return at most `limit` stretches, best first.

    Sentences are taken best first while they score at least `tau` times the best one and fit into
    `characters` together; those that follow each other in a document are one stretch.
    """
    places = _take(snapshot, ranking, tau, characters)
    return join(snapshot, ranking, {place: float(ranking.sentence_scores[place]) for place in places}, limit)


def join(
    snapshot: View, ranking: Ranking, strengths: Mapping[int, float], limit: int | None = None
) -> list[Evidence]:
    """Return the sentences at these places of the ranking as at most `limit` stretches, the strongest first.

    Sentences that follow each other in a document are one stretch, as strong as its strongest sentence.
    """
    taken = {int(ranking.sentence_rows[place]): place for place in strengths}
    stretches: list[list[int]] = []
    for row in sorted(taken):
        if (
            stretches
            and row == stretches[-1][-1] + 1
            and _document(snapshot, row) == _document(snapshot, row - 1)
        ):
            stretches[-1].append(row)
        else:
            stretches.append([row])
    best = {
        stretch[0]: max((taken[row] for row in stretch), key=strengths.__getitem__) for stretch in stretches
    }
    stretches.sort(key=lambda stretch: -strengths[best[stretch[0]]])
    return [
        Evidence(
            snapshot.documents[_document(snapshot, stretch[0])],
            int(snapshot.sentences[stretch[0], 1]),
            int(snapshot.sentences[stretch[-1], 2]),
            float(ranking.sentence_scores[best[stretch[0]]]),
            float(ranking.sentence_dense[best[stretch[0]]]),
            float(ranking.sentence_lexical[best[stretch[0]]]),
        )
        for stretch in stretches[:limit]
    ]


def _take(snapshot: View, ranking: Ranking, tau: float, characters: int) -> list[int]:
    """Return the places in the ranking of the sentences to show.

    Headings say where one is, not what is the case: they are shown only where there is nothing else.
    """
    table = snapshot.sentences[ranking.sentence_rows]
    headings = table[:, 3] != 0
    places = np.arange(len(table)) if headings.all() else np.flatnonzero(~headings)
    scores = ranking.sentence_scores[places]
    lengths = table[places, 2] - table[places, 1]
    too_much = (scores < tau * scores[:1]) | (np.cumsum(lengths) > characters)
    too_much[:1] = False  # the best one is shown, however long it is
    count = int(np.argmax(too_much)) if too_much.any() else len(places)
    return [int(place) for place in places[:count]]


def _document(snapshot: View, sentence_row: int) -> int:
    return int(snapshot.passages[snapshot.sentences[sentence_row, 0], 0])

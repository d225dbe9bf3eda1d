"""From a question to ranked passages and the sentences in them that matter.

Scores are convex combinations of min-max normalised cosines and BM25 scores (Bruch, Gai and Ingber, "An
Analysis of Fusion Functions for Hybrid Retrieval", 2023), smoothed over neighbours.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from index.backend import View
from index.lexical import terms
from index.types import Rows, Scores, Vectors


@dataclass(frozen=True, slots=True)
class SearchParameters:
    """How retrieval weighs what it finds. The defaults were chosen by measurement (docs/quality.md)."""

    candidates: int = 200
    """Passages taken from each of the two searches."""
    parents: int = 30
    """Best passages whose sentences are scored."""
    passage_neighbour: float = 0.25
    """Share of each neighbouring passage's score that is added to a passage's."""
    parent_weight: float = 2.0
    """Weight of the passage's score in its sentences' scores."""
    sentence_neighbours: tuple[float, ...] = (0.25, 0.0625)
    """Share of the scores of the sentences at distance 1, 2, ... that is added to a sentence's."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Passages and sentences for one question, best first; one array entry a row of the snapshot.

    `passage_rows` with `passage_scores`, `dense` (cosine) and `lexical` (BM25); `sentence_rows` with
    `sentence_scores` (fused, 0 to about 4.6), `sentence_dense` (cosine) and `sentence_lexical` (BM25).
    """

    passage_rows: Rows
    passage_scores: Scores
    dense: Scores
    lexical: Scores
    sentence_rows: Rows
    sentence_scores: Scores
    sentence_dense: Scores
    sentence_lexical: Scores
    terms: list[str] = field(default_factory=list)


def rank(
    snapshot: View,
    question: str,
    vector: Vectors,
    documents: Collection[str] | None = None,
    parameters: SearchParameters = SearchParameters(),
) -> Ranking:
    """Rank the passages of `snapshot` and the sentences of the best ones.

    `vector` is the question's embedding, shape (dimension,). `documents` leaves only the documents with
    these ids in the search.
    """
    words = terms(question)
    rows, dense, lexical = snapshot.candidates(words, vector, parameters.candidates, documents)
    scores = _with_neighbours(snapshot, rows, _scaled(dense) + _scaled(lexical), parameters.passage_neighbour)
    order = np.argsort(-scores, kind="stable")
    rows, scores, dense, lexical = rows[order], scores[order], dense[order], lexical[order]
    sentences = _sentences(snapshot, rows[: parameters.parents])
    parent_scores = _spread(snapshot, sentences, rows, _scaled(scores))
    sentence_dense, sentence_lexical = snapshot.score_sentences(sentences, words, vector, documents)
    own = _scaled(_scaled(sentence_dense) + _scaled(sentence_lexical))
    fused = parameters.parent_weight * parent_scores + own
    fused = _smoothed(snapshot, sentences, fused, parameters.sentence_neighbours)
    order = np.argsort(-fused, kind="stable")
    return Ranking(
        rows,
        scores,
        dense,
        lexical,
        sentences[order],
        fused[order],
        sentence_dense[order],
        sentence_lexical[order],
        words,
    )


def _with_neighbours(snapshot: View, rows: Rows, scores: Scores, share: float) -> Scores:
    """Add to each passage `share` of the scores of the passages before and after it in its document."""
    total = scores.copy()
    if len(rows) > 1:
        documents = snapshot.passages[rows, 0]
        adjacent = (np.diff(rows) == 1) & (documents[1:] == documents[:-1])
        total[1:] += share * np.where(adjacent, scores[:-1], 0)
        total[:-1] += share * np.where(adjacent, scores[1:], 0)
    return total


def _sentences(snapshot: View, passage_rows: Rows) -> Rows:
    """Return the rows of all sentences of these passages, in ascending order."""
    ranges = [snapshot.sentence_rows(int(row)) for row in np.sort(passage_rows)]
    return np.concatenate([np.empty(0, np.int64), *(np.arange(r.start, r.stop) for r in ranges)])


def _spread(snapshot: View, sentences: Rows, rows: Rows, scores: Scores) -> Scores:
    """Return for each sentence the score of its passage."""
    order = np.argsort(rows)
    parents = snapshot.sentences[sentences, 0]
    return np.asarray(scores[order[np.searchsorted(rows, parents, sorter=order)]], np.float32)


def _smoothed(snapshot: View, sentences: Rows, scores: Scores, shares: tuple[float, ...]) -> Scores:
    """Add to each sentence its neighbours' scores, weighed by distance, within its document."""
    total = scores.copy()
    documents = snapshot.passages[snapshot.sentences[sentences, 0], 0]
    for distance, share in enumerate(shares, start=1):
        if len(sentences) <= distance:
            break
        near = sentences[distance:] - sentences[:-distance] == distance
        near &= documents[distance:] == documents[:-distance]
        total[distance:] += share * np.where(near, scores[:-distance], 0)
        total[:-distance] += share * np.where(near, scores[distance:], 0)
    return total


def _scaled(scores: Scores) -> Scores:
    """Return `scores` on a scale from 0 (lowest) to 1 (highest); all 0 when they are equal."""
    if len(scores) == 0:
        return scores
    low, high = scores.min(), scores.max()
    if high <= low:
        return np.zeros_like(scores)
    return np.asarray((scores - low) / (high - low), np.float32)

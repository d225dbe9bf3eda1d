"""From a question to ranked passages and the sentences in them that matter.

Scores are convex combinations of min-max normalised cosines and BM25 scores (Bruch, Gai and Ingber, "An
Analysis of Fusion Functions for Hybrid Retrieval", 2023), smoothed over neighbours.
"""

from __future__ import annotations

import math
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
    parents: int = 60
    """Best passages whose sentences are scored."""
    lexical_whole: float = 0.75
    """BM25 counts in full from this share of the weight of all the question's words, and less below it: a chance
    match of one word in a question that shares no other with the documents says little."""
    best_sentence: float = 0.4
    """Weight of the cosine of a passage's nearest sentence in the passage's score."""
    passage_neighbour: float = 0.2
    """Share of each neighbouring passage's score that is added to a passage's."""
    parent_weight: float = 2.0
    """Weight of the passage's score in its sentences' scores."""
    sentence_neighbours: tuple[float, ...] = (0.15, 0.04)
    """Share of the scores of the sentences at distance 1, 2, ... that is added to a sentence's."""

    @property
    def passage_weight(self) -> float:
        """By how much a passage's score (0 to 1) raises its sentences, those around them included."""
        return self.parent_weight * (1 + 2 * sum(self.sentence_neighbours))


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
    least = parameters.lexical_whole * question_weight(snapshot, words)
    scores = _scaled(dense) + _scaled(lexical, least)
    scores = _with_neighbours(snapshot, rows, scores, parameters.passage_neighbour)
    order = np.argsort(-scores, kind="stable")
    sentences = _sentences(snapshot, rows[order[: parameters.parents]])
    sentence_dense, sentence_lexical = snapshot.score_sentences(sentences, words, vector, documents)
    scores += parameters.best_sentence * _scaled(_best_sentence(snapshot, sentences, sentence_dense, rows))
    order = np.argsort(-scores, kind="stable")
    rows, scores, dense, lexical = rows[order], scores[order], dense[order], lexical[order]
    parent_scores = _spread(snapshot, sentences, rows, _scaled(scores))
    own = _scaled(_scaled(sentence_dense) + _scaled(sentence_lexical, least))
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


def _best_sentence(snapshot: View, sentences: Rows, cosines: Scores, rows: Rows) -> Scores:
    """Return for each passage the cosine of its nearest sentence; the lowest of all where none was scored."""
    best = np.full(len(rows), np.min(cosines, initial=0.0), np.float32)
    if len(sentences):
        order = np.argsort(rows)
        parents = order[np.searchsorted(rows, snapshot.sentences[sentences, 0], sorter=order)]
        np.maximum.at(best, parents, cosines)
    return best


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


def question_weight(snapshot: View, words: list[str]) -> float:
    """Return the sum of the words' inverse document frequencies; words that no passage holds weigh most."""
    size = snapshot.passage_count
    found = [snapshot.document_frequency(word) for word in words]
    return sum(math.log(1 + (size - count + 0.5) / (count + 0.5)) for count in found)


def _scaled(scores: Scores, least: float = 0.0) -> Scores:
    """Return `scores` from 0 for the lowest to 1 for the highest, or for what lies `least` above the lowest."""
    if len(scores) == 0:
        return scores
    low, high = scores.min(), scores.max()
    if high <= low:
        return np.zeros_like(scores)
    return np.asarray((scores - low) / max(high - low, least), np.float32)

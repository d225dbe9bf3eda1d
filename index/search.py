"""From a question to ranked passages and the sentences in them that matter.

Scores are convex combinations of min-max normalised cosines and BM25 scores (Bruch, Gai and Ingber, "An
Analysis of Fusion Functions for Hybrid Retrieval", 2023), smoothed over neighbours.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from index.lexical import terms
from index.snapshot import Snapshot
from index.types import Vectors

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]


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
    snapshot: Snapshot,
    question: str,
    vector: Vectors,
    documents: Collection[int] | None = None,
    parameters: SearchParameters = SearchParameters(),
) -> Ranking:
    """Rank the passages of `snapshot` and the sentences of the best ones.

    `vector` is the question's embedding, shape (dimension,). `documents` leaves only the documents with
    these numbers in the search.
    """
    words = terms(question)
    rows, dense, lexical = _candidates(snapshot, words, vector, documents, parameters)
    scores = _with_neighbours(snapshot, rows, _scaled(dense) + _scaled(lexical), parameters.passage_neighbour)
    order = np.argsort(-scores, kind="stable")
    rows, scores, dense, lexical = rows[order], scores[order], dense[order], lexical[order]
    sentences = _sentences(snapshot, rows[: parameters.parents])
    parent_scores = _spread(snapshot, sentences, rows, _scaled(scores))
    sentence_dense = np.asarray(snapshot.sentence_vectors[sentences], np.float32) @ vector
    sentence_lexical = _sentence_lexical(snapshot, words, sentences, documents)
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


def _candidates(
    snapshot: Snapshot,
    words: list[str],
    vector: Vectors,
    documents: Collection[int] | None,
    parameters: SearchParameters,
) -> tuple[Rows, Scores, Scores]:
    """Return rows in ascending order with the cosine and the BM25 score (0 for no match) of each."""
    allowed = (
        None if documents is None else np.isin(snapshot.passages[:, 0], np.array(list(documents), np.int64))
    )
    near, _ = snapshot.vectors.search(vector, parameters.candidates, allowed)
    matching, bm25 = snapshot.passage_words.search(words, parameters.candidates, documents)
    found = np.concatenate([near, matching])
    around = np.concatenate([found - 1, found, found + 1])
    around = np.unique(around[(around >= 0) & (around < len(snapshot.passages))])
    rows = around if allowed is None else around[allowed[around]]
    lexical = np.zeros(len(rows), np.float32)
    lexical[np.searchsorted(rows, matching)] = bm25
    return rows, snapshot.vectors.scores(vector, rows), lexical


def _with_neighbours(snapshot: Snapshot, rows: Rows, scores: Scores, share: float) -> Scores:
    """Add to each passage `share` of the scores of the passages before and after it in its document."""
    total = scores.copy()
    if len(rows) > 1:
        documents = snapshot.passages[rows, 0]
        adjacent = (np.diff(rows) == 1) & (documents[1:] == documents[:-1])
        total[1:] += share * np.where(adjacent, scores[:-1], 0)
        total[:-1] += share * np.where(adjacent, scores[1:], 0)
    return total


def _sentences(snapshot: Snapshot, passage_rows: Rows) -> Rows:
    """Return the rows of all sentences of these passages, in ascending order."""
    ranges = [snapshot.sentence_rows(int(row)) for row in np.sort(passage_rows)]
    return np.concatenate([np.empty(0, np.int64), *(np.arange(r.start, r.stop) for r in ranges)])


def _spread(snapshot: Snapshot, sentences: Rows, rows: Rows, scores: Scores) -> Scores:
    """Return for each sentence the score of its passage."""
    order = np.argsort(rows)
    parents = snapshot.sentences[sentences, 0]
    return np.asarray(scores[order[np.searchsorted(rows, parents, sorter=order)]], np.float32)


def _sentence_lexical(
    snapshot: Snapshot, words: list[str], sentences: Rows, documents: Collection[int] | None
) -> Scores:
    limit = 2 * len(sentences)
    matching, bm25 = snapshot.sentence_words.search(words, limit, documents)
    scores = np.zeros(len(sentences), np.float32)
    if len(sentences):
        at = np.minimum(np.searchsorted(sentences, matching), len(sentences) - 1)
        inside = sentences[at] == matching
        scores[at[inside]] = bm25[inside]
    return scores


def _smoothed(snapshot: Snapshot, sentences: Rows, scores: Scores, shares: tuple[float, ...]) -> Scores:
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

"""The reader's network on the native encoder: `tools/reader_model.py` says what it computes and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.native import Network, Rows
from index.native_file import Floats
from index.reader_weights import HEADS_FILE, LAYERS_FILE, WORDS_FILE

Batch = Mapping[str, NDArray[np.int64]]
"""`tokens` and `segments`, of shape (pairs, length), and `slots`: see `index.reader`."""


class NativeReaderNetwork:
    """Scores pairs as an ONNX Runtime session on the reader's graph does; padding costs nothing."""

    def __init__(self, folder: Path) -> None:
        """Open the files that `native_files` gave. Raises `NativeUnavailableError` as `Network` does."""
        self._network = Network(folder / LAYERS_FILE)
        self._words = np.load(folder / WORDS_FILE, mmap_mode="r")
        with np.load(folder / HEADS_FILE) as heads:
            self._heads = dict(heads)
        self._layers = int(self._heads["layers"])

    def run(self, _: None, batch: Batch) -> tuple[Floats, Floats]:
        """Return the probability of each pair, and of each of its slots, 0 where it has no such sentence."""
        segments = batch["segments"]
        used = segments > 0
        pair_of, marks = np.nonzero(used)[0], segments[used]
        states = self._states(batch["tokens"][used], marks, used.sum(axis=1))
        queries, owner, slot = self._queries(states, pair_of, marks)
        self._network.run(queries, self._layers, self._network.layers, states)
        return self._scores(queries, owner, slot, len(batch["slots"]))

    def _states(self, tokens: NDArray[np.int64], marks: NDArray[np.int64], lengths: NDArray[Any]) -> Rows:
        """Return the tokens' rows after the full layers."""
        words = self._words[tokens].astype(np.float32)
        words -= self._heads["word_zero"]
        words *= self._heads["word_scale"]
        rows = Rows.of(words, lengths)
        self._network.embed(rows, (marks > 1).astype(np.uint8))
        self._network.run(rows, 0, self._layers)
        return rows

    def _queries(
        self, states: Rows, pair_of: NDArray[Any], marks: NDArray[Any]
    ) -> tuple[Rows, NDArray[Any], NDArray[Any]]:
        """Return the summary and one pooled row a sentence, with the pair and the slot (-1: summary) of each.

        A sentence's tokens lie together, so a sentence is a run of tokens of one mark.
        """
        begins = np.flatnonzero(np.diff(marks + (marks.max() + 1) * pair_of, prepend=-1))
        likely = _weighed(states.values, self._heads["likely"])
        counts = np.diff(begins, append=len(marks))
        weights = np.exp(likely - np.repeat(np.maximum.reduceat(likely, begins), counts))
        pooled = np.add.reduceat(states.values * weights[:, None], begins)
        pooled /= np.add.reduceat(weights, begins)[:, None]
        first = np.isin(begins, states.starts)
        pooled[first] = states.values[begins[first]]
        kept = first | (marks[begins] > 1)
        owner = pair_of[begins][kept]
        slot = np.where(first, -1, marks[begins] - 2)[kept]
        return Rows.of(pooled[kept], np.bincount(owner)), owner, slot

    def _scores(
        self, queries: Rows, owner: NDArray[Any], slot: NDArray[Any], slots: int
    ) -> tuple[Floats, Floats]:
        heads, summary = self._heads, slot < 0
        pairs = int(summary.sum())
        sentences = np.full((pairs, slots), -1e4, np.float32)
        rows = queries.values[~summary]
        sentences[owner[~summary], slot[~summary]] = (
            _weighed(rows, heads["sentence"]) + heads["sentence_bias"]
        )
        weights = np.exp(sentences - sentences.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        size = rows.shape[1]
        best = np.bincount(
            owner[~summary],
            weights[owner[~summary], slot[~summary]] * _weighed(rows, heads["pair"][size:]),
            pairs,
        )
        answerable = _weighed(queries.values[summary], heads["pair"][:size]) + best + heads["pair_bias"]
        return _sigmoid(answerable), _sigmoid(sentences)


def _weighed(rows: Floats, weights: Floats) -> Floats:
    """Return rows @ weights, each row alone: BLAS sums in an order that depends on their number."""
    return np.asarray(np.einsum("ij,j->i", rows, weights))


def _sigmoid(logits: NDArray[Any]) -> Floats:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), np.float32)

"""A second look at the best passages by a cross-encoder, which reads question and passage together. Off by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.backend import View
from index.search import Ranking
from index.weights import ModelFolder, ModelNotFoundError, resolve_model

Scores = NDArray[np.float32]


class Reranker(Protocol):
    """Scores passages for a question, higher is better; `name` says which model does."""

    @property
    def name(self) -> str: ...

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Return one score a passage."""
        ...


class CrossEncoderReranker:
    """Any cross-encoder that sentence-transformers loads. Safe to use from several threads."""

    def __init__(self, model: ModelFolder) -> None:
        """Raises `ModelNotFoundError` where sentence-transformers is not installed."""
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise ModelNotFoundError(
                f"{model.name} needs sentence-transformers: pip install 'pincite[models]'"
            ) from error
        self.name = model.name
        self._model = CrossEncoder(
            str(model.path),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )

    @classmethod
    def open(cls, model: str) -> CrossEncoderReranker:
        """Load `model`, a folder or a name. Raises the errors of `index.weights`."""
        return cls(resolve_model(model))

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """See `Reranker`."""
        pairs = [(question, passage) for passage in passages]
        return np.asarray(self._model.predict(pairs, show_progress_bar=False), np.float32).reshape(len(pairs))


def reranked(snapshot: View, ranking: Ranking, scores: Scores, weight: float) -> Ranking:
    """Return `ranking` with its first `len(scores)` passages in the order of `scores`.

    They share out the scores they had in the new order, so that they stay above the passages that were not looked
    at, and each of their sentences rises or falls by `weight` times what its passage does.
    """
    count = len(scores)
    if count < 2:
        return ranking
    order = np.argsort(-scores, kind="stable")
    held = ranking.passage_scores[:count]
    reach = float(np.ptp(ranking.passage_scores)) or 1.0
    moved = dict(
        zip(ranking.passage_rows[order].tolist(), ((held - held[order]) / reach).tolist(), strict=True)
    )
    parents = snapshot.sentences[ranking.sentence_rows, 0]
    change = np.array([moved.get(int(parent), 0.0) for parent in parents], np.float32)
    sentence_scores = ranking.sentence_scores + weight * change
    places = np.argsort(-sentence_scores, kind="stable")
    passages = np.concatenate([order, np.arange(count, len(ranking.passage_rows))])
    return replace(
        ranking,
        passage_rows=ranking.passage_rows[passages],
        dense=ranking.dense[passages],
        lexical=ranking.lexical[passages],
        sentence_rows=ranking.sentence_rows[places],
        sentence_scores=sentence_scores[places],
        sentence_dense=ranking.sentence_dense[places],
        sentence_lexical=ranking.sentence_lexical[places],
    )

"""Text to vectors: the fast runtime, the sentence-transformers one, and the choice between them."""

from __future__ import annotations

import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from index.conversion import ConvertedModel, prepare
from index.native import NativeUnavailableError, Network, Rows, target
from index.onnx_graph import Precision
from index.onnx_session import open_session
from index.types import Embedder, Progress, TokenVectors, Vectors
from index.weights import (
    DEFAULT_MODEL,
    ModelFolder,
    ModelNotFoundError,
    UnsupportedModelError,
    resolve_model,
)

_BATCH_TOKENS = 512
"""Padded tokens a batch. Larger ones fall out of the second-level cache: 2048 was 15 % slower, 8192 35 %."""
_WINDOW = 8192
"""Texts that are tokenised and sorted together: bounds the memory, whatever the number of texts."""
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_log = logging.getLogger(__name__)


def open_embedder(model: str = DEFAULT_MODEL, progress: Progress | None = None) -> Embedder:
    """Return the fastest embedder that can hold `model`: a folder, or a name with or without its revision.

    The native encoder comes first (the model is converted when it is not in the cache, with `progress`), then ONNX
    Runtime, then sentence-transformers. All give the same name and, to the precision of int8, the same vectors.
    Raises the errors of `index.weights`.
    """
    try:
        try:
            target()
            return NativeEmbedder(prepare(model, progress, native=True))
        except NativeUnavailableError as reason:
            _log.warning("using ONNX Runtime, which is slower: %s", reason)
            return OnnxEmbedder(prepare(model, progress))
    except (UnsupportedModelError, OSError) as reason:
        _log.warning("using sentence-transformers, which is slower: %s", reason)
    return SentenceTransformerEmbedder(resolve_model(model))


class _ConvertedEmbedder(ABC):
    """What the runtimes of a converted model share: the tokenizer, and batches of like length on all cores."""

    def __init__(self, model: ConvertedModel, threads: int | None) -> None:
        from tokenizers import Tokenizer

        self._model = model
        self._threads = threads or _cores()
        self._tokenizer = Tokenizer.from_file(str(model.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(model.max_tokens)

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def dimension(self) -> int:
        return self._model.dimension

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """See `Embedder`. Batches hold texts of like length and run on all cores."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(texts), _WINDOW):
                window = self._tokenizer.encode_batch_fast(
                    [_clean(t) for t in texts[start : start + _WINDOW]]
                )
                ids = [encoding.ids for encoding in window]
                batches = packed_batches([len(row) for row in ids], _BATCH_TOKENS)
                runs = {pool.submit(self._embed, [ids[i] for i in batch]): batch for batch in batches}
                done = start
                for run in as_completed(runs):
                    vectors[start + np.array(runs[run])] = run.result()
                    done += len(runs[run])
                    if progress is not None:
                        progress(done, len(texts))
        return vectors

    def embed_question(self, text: str) -> Vectors:
        return self._question(self._tokenizer.encode(_clean(text)).ids)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """See `TokenEmbedder`. Each text runs alone, so that its vectors do not depend on its company."""
        return [self._token_vectors(_clean(text)) for text in texts]

    def _token_vectors(self, text: str) -> TokenVectors:
        encoding = self._tokenizer.encode(text)
        pooled, tokens = self._tokens(encoding.ids)
        return _without_specials(pooled, tokens, encoding.offsets, encoding.special_tokens_mask)

    @abstractmethod
    def _embed(self, texts: list[list[int]]) -> Vectors:
        """Return the vectors of passages."""

    @abstractmethod
    def _question(self, ids: list[int]) -> Vectors:
        """Return the vector of a question."""

    @abstractmethod
    def _tokens(self, ids: list[int]) -> tuple[Vectors, Vectors]:
        """Return the vector of a question, and the last layer's rows."""


class NativeEmbedder(_ConvertedEmbedder):
    """A converted model on the native encoder. Safe to use from several threads at once."""

    def __init__(self, model: ConvertedModel, *, threads: int | None = None) -> None:
        """See `OnnxEmbedder` for `threads`. Raises `NativeUnavailableError` where the encoder is not to be had."""
        self._network = Network(model.native)
        super().__init__(model, threads)
        words = np.memmap(model.embeddings, np.float32, "r")
        self._words = words.reshape(-1, model.dimension)

    def _embed(self, texts: list[list[int]]) -> Vectors:
        return self._network.pool(self._rows(texts))

    def _question(self, ids: list[int]) -> Vectors:
        return np.asarray(self._embed([ids])[0])

    def _tokens(self, ids: list[int]) -> tuple[Vectors, Vectors]:
        rows = self._rows([ids])
        return self._network.pool(rows)[0], rows.values

    def _rows(self, texts: list[list[int]]) -> Rows:
        lengths = [len(ids) for ids in texts]
        ids = np.fromiter(chain.from_iterable(texts), np.int32, sum(lengths))
        rows = Rows.of(self._words[ids], lengths)
        self._network.embed(rows)
        self._network.run(rows, 0, self._network.layers)
        return rows


class OnnxEmbedder(_ConvertedEmbedder):
    """A converted model on ONNX Runtime, one thread a run. Safe to use from several threads at once."""

    def __init__(
        self,
        model: ConvertedModel,
        *,
        threads: int | None = None,
        question_precision: Precision = "int8",
        passage_precision: Precision = "fp32",
    ) -> None:
        """`threads` is how many batches of passages run at once, by default as many as there are cores."""
        super().__init__(model, threads)
        self._passage_precision = passage_precision
        self._questions = _session(model, question_precision)

    @cached_property
    def _passages(self) -> Any:
        # Opened when first needed: answering questions does without.
        return _session(self._model, self._passage_precision)

    def _embed(self, texts: list[list[int]]) -> Vectors:
        ids = np.zeros((len(texts), max(map(len, texts))), np.int32)
        mask = np.zeros_like(ids)
        for number, row in enumerate(texts):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        return _run(self._passages, ids, mask)

    def _question(self, ids: list[int]) -> Vectors:
        batch = np.array([ids], np.int32)
        return np.asarray(_run(self._questions, batch, np.ones_like(batch))[0])

    def _tokens(self, ids: list[int]) -> tuple[Vectors, Vectors]:
        batch = np.array([ids], np.int32)
        feeds = {"input_ids": batch, "attention_mask": np.ones_like(batch)}
        pooled, tokens = self._questions.run(["embedding", "tokens"], feeds)
        return pooled[0], tokens[0]


class SentenceTransformerEmbedder:
    """Any model that sentence-transformers loads, on torch, with the prompts the model asks for."""

    def __init__(self, model: ModelFolder) -> None:
        """Raises `ModelNotFoundError` where sentence-transformers is not installed."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelNotFoundError(
                f"{model.name} needs sentence-transformers: pip install 'pincite[models]'"
            ) from error
        self.name = model.name
        self._model = SentenceTransformer(
            str(model.path),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
        self.dimension = int(self._model.get_embedding_dimension())

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _WINDOW // 16):
            part = [_clean(text) for text in texts[start : start + _WINDOW // 16]]
            vectors[start : start + len(part)] = self._model.encode_document(
                part, normalize_embeddings=True, show_progress_bar=False
            )
            if progress is not None:
                progress(start + len(part), len(texts))
        return vectors

    def embed_question(self, text: str) -> Vectors:
        vector = self._model.encode_query(_clean(text), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vector, np.float32)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """See `TokenEmbedder`."""
        return [self._token_vectors(_clean(text)) for text in texts]

    def _token_vectors(self, text: str) -> TokenVectors:
        encoded = self._model.tokenizer(
            text,
            truncation=True,
            max_length=self._model.max_seq_length,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        output = self._model.encode(text, output_value=None, show_progress_bar=False)
        pooled, tokens = (
            output[key].float().cpu().numpy() for key in ("sentence_embedding", "token_embeddings")
        )
        pooled /= np.linalg.norm(pooled)
        return _without_specials(pooled, tokens, encoded["offset_mapping"], encoded["special_tokens_mask"])


def packed_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Return the indices of `lengths` in batches, longest first, none of more than `budget` padded tokens.

    A single text longer than the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if not batches or (len(batches[-1]) + 1) * longest > budget:
            batches.append([])
            longest = lengths[index]
        batches[-1].append(index)
    return batches


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # fewer than cpu_count() in a container or under taskset
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _session(model: ConvertedModel, precision: Precision) -> Any:
    # Further optimisation would fuse Add + LayerNormalization into the slow SkipLayerNormalization.
    return open_session(Path(model.graph(precision)))


def _run(session: Any, ids: Any, mask: Any) -> Vectors:
    (vectors,) = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
    return np.asarray(vectors, np.float32)


def _without_specials(
    pooled: Vectors, tokens: Vectors, spans: Sequence[tuple[int, int]], specials: Sequence[int]
) -> TokenVectors:
    """Return the tokens that stand for characters of the text, at unit length."""
    kept = [i for i, special in enumerate(specials) if not special]
    rows = tokens[kept]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return TokenVectors(pooled, rows, tuple((spans[i][0], spans[i][1]) for i in kept))


def _clean(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes; the length stays the same."""
    return _LONE_SURROGATE.sub("\ufffd", text)

"""Whether passages answer a question, and which of their sentences do: a small trained cross-encoder.

How it was trained, and how well it does, is in `docs/model-card.md`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.conversion import prepare_reader
from index.native import NativeUnavailableError, target
from index.onnx_session import open_session
from index.reader_network import NativeReaderNetwork
from index.reader_weights import WINDOW_TOKENS
from index.weights import UnsupportedModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_log = logging.getLogger(__name__)

MODELS = Path(__file__).parent / "models"
QUESTION_TOKENS = 40
WINDOW_SENTENCES = 10
BATCH = 8
_CLS, _SEP = 101, 102


class ReaderError(Exception):
    """The reader's files are not there; the message says which and how to get them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answerable`: probability that the passage answers. `sentences`: for each sentence, that it is evidence."""

    answerable: float
    sentences: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """A run of a passage's sentences that fits the network: tokens of each, the first one's place."""

    passage: int
    first: int
    sentences: tuple[tuple[int, ...], ...]


class Reader:
    """Reads passages for a question. Safe to use from several threads at once."""

    def __init__(self, network: Any, tokenizer: Tokenizer) -> None:
        """`network` is a session of ONNX Runtime on the reader's graph, or what runs as one does."""
        self.network = network
        self._tokenizer = tokenizer
        self._tokens = lru_cache(8192)(self._encode)

    @classmethod
    def open(cls, folder: Path = MODELS) -> Reader:
        """Load `reader.onnx` and `reader-tokenizer.json` from `folder`; raises `ReaderError` without them."""
        from tokenizers import Tokenizer

        model, vocabulary = folder / "reader.onnx", folder / "reader-tokenizer.json"
        for path in (model, vocabulary):
            if not path.is_file():
                raise ReaderError(f"{path} is missing; reinstall, or write it with tools/export_reader.py")
        tokenizer = Tokenizer.from_file(str(vocabulary))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(_network(model), tokenizer)

    def read(self, question: str, passages: Sequence[Sequence[str]]) -> list[Verdict]:
        """Return one verdict a passage, in their order; a passage is its sentences.

        A passage of more than WINDOW_TOKENS with the question is read in windows of whole sentences and is as
        answerable as its best window. Blank sentences score 0.
        """
        asked = self._tokens(question)[:QUESTION_TOKENS]
        windows = [w for at, texts in enumerate(passages) for w in self._windows(at, texts, len(asked))]
        answerable = [0.0] * len(passages)
        sentences = [[0.0] * len(texts) for texts in passages]
        windows.sort(key=lambda w: sum(map(len, w.sentences)))
        for start in range(0, len(windows), BATCH):
            batch = windows[start : start + BATCH]
            pairs, scores = self.network.run(None, _inputs(asked, batch))
            for window, pair, row in zip(batch, pairs, scores, strict=True):
                answerable[window.passage] = max(answerable[window.passage], float(pair))
                for i, tokens in enumerate(window.sentences):
                    if tokens:
                        sentences[window.passage][window.first + i] = float(row[i])
        return [Verdict(a, tuple(s)) for a, s in zip(answerable, sentences, strict=True)]

    def _windows(self, passage: int, texts: Sequence[str], asked: int) -> list[_Window]:
        room = WINDOW_TOKENS - asked - 3
        made: list[_Window] = []
        held: list[tuple[int, ...]] = []
        first = used = 0
        for at, text in enumerate(texts):
            tokens = self._tokens(text)[:room]
            if held and (used + len(tokens) > room or len(held) == WINDOW_SENTENCES):
                made.append(_Window(passage, first, tuple(held)))
                held, first, used = [], at, 0
            held.append(tokens)
            used += len(tokens)
        made.append(_Window(passage, first, tuple(held)))
        return [window for window in made if any(window.sentences)]

    def _encode(self, text: str) -> tuple[int, ...]:
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return tuple(self._tokenizer.encode(clean, add_special_tokens=False).ids)


def _network(graph: Path) -> Any:
    """Open the reader on the native encoder, else on ONNX Runtime, and say so."""
    try:
        target()
        return NativeReaderNetwork(prepare_reader(graph).path)
    except (NativeUnavailableError, UnsupportedModelError, OSError) as reason:
        _log.warning("the reader uses ONNX Runtime, which is slower: %s", reason)
    # The fused kernel is the slower one: 28 against 25 ms.
    return open_session(graph, fuse=True, unfused=["SkipLayerNormFusion"])


def _inputs(asked: tuple[int, ...], windows: Sequence[_Window]) -> dict[str, NDArray[np.int64]]:
    """Lay out [CLS] question [SEP] sentences [SEP]; segments are 1, and 2 + i on the tokens of sentence i."""
    length = len(asked) + 3 + max(sum(map(len, w.sentences)) for w in windows)
    tokens = np.zeros((len(windows), length), np.int64)
    segments = np.zeros_like(tokens)
    for row, window in enumerate(windows):
        ids, marks = [_CLS, *asked, _SEP], [1] * (len(asked) + 2)
        for i, sentence in enumerate(window.sentences):
            ids += sentence
            marks += [2 + i] * len(sentence)
        tokens[row, : len(ids) + 1] = [*ids, _SEP]
        segments[row, : len(ids) + 1] = [*marks, 1]
    slots = np.arange(2, 2 + max(len(w.sentences) for w in windows))
    return {"tokens": tokens, "segments": segments, "slots": slots}

"""BM25 without an index of words: what the cluster keeps of each text, and the scores that follow from it.

The engine finds passages by sparse vectors; their scores come from here, so that they are those of
`index.lexical` whatever the engine approximates: the same words, the same formula, the same rounding of lengths.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from index.lexical import all_terms
from index.types import Scores

Codes = NDArray[np.uint32]
"""The words of a text in order, each as its code."""

K1, B = 1.2, 0.75
ENGINE_LENGTH = 100.0
"""The mean length that the engine's sparse vectors are made for: they must not change as the index grows."""


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """What BM25 needs of all texts of a kind: how many there are, their words together, how many hold a word."""

    texts: int
    words: int
    holding: Mapping[int, int]


def codes_of(text: str) -> Codes:
    """Return the words of `text` that are looked up, stemmed, as codes."""
    return np.array([code_of(word) for word in all_terms(text)], np.uint32)


@lru_cache(200_000)
def code_of(word: str) -> int:
    """Return the code of a stem: 32 bits of a hash, so that two of a million words share one about 116 times."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "little")


def engine_weights(codes: Codes) -> tuple[list[int], list[float]]:
    """Return a text's sparse vector: its words' codes and the part of their BM25 score that is not rarity."""
    found, counts = np.unique(codes, return_counts=True)
    norm = K1 * (1 - B + B * len(codes) / ENGINE_LENGTH)
    return found.tolist(), (counts * (K1 + 1) / (counts + norm)).tolist()


def bm25(texts: Sequence[Codes], asked: Iterable[int], statistics: WordStatistics) -> Scores:
    """Return the score of each text for the words `asked`."""
    scores = np.zeros(len(texts), np.float32)
    if not texts or statistics.texts == 0:
        return scores
    lengths = np.array([len(codes) for codes in texts])
    owners = np.repeat(np.arange(len(texts)), lengths)
    words = np.concatenate(texts)
    mean = max(statistics.words / statistics.texts, 1e-9)
    norms = K1 * (1 - B + B * _rounded(lengths) / mean)
    for code in asked:
        counts = np.bincount(owners[words == code], minlength=len(texts)).astype(np.float64)
        holding = statistics.holding.get(code, 0)
        rarity = np.log(1 + (statistics.texts - holding + 0.5) / (holding + 0.5))
        scores += (rarity * (1 + K1) * counts / (counts + norms)).astype(np.float32)
    return scores


def _rounded(lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return lengths as tantivy keeps them, in one byte each: exact to 40, then ever coarser, rounded down."""
    return np.array([_LENGTHS[bisect_right(_LENGTHS, length) - 1] for length in lengths.tolist()], np.float64)


def _kept_lengths() -> list[int]:
    """Return the 256 lengths: 24 of their own, then numbers of four bits, as Lucene's SmallFloat has them."""
    floats = [(8 | fraction) << (shift - 1) for shift in range(2, 32) for fraction in range(8)]
    return [*range(24), *(24 + value for value in [*range(16), *floats][: 256 - 24])]


_LENGTHS = _kept_lengths()

"""A passage as the cluster keeps it, and what its words add to the statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.cluster_words import Codes, codes_of
from index.codec import pack_vectors
from index.texts import passage_text, sentence_text
from index.types import Vectors
from ingest.chunking import Chunks
from ingest.reading import Reading


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with its sentences: rows of (start, end, heading), a vector and the words of each."""

    ordinal: int
    start: int
    end: int
    vector: Vectors
    words: Codes
    sentences: NDArray[np.int32]
    sentence_vectors: Vectors
    sentence_words: list[Codes]

    def columns(self) -> tuple[object, ...]:
        """Return the row from `ordinal` on."""
        lengths = np.array([len(codes) for codes in self.sentence_words], "<i4")
        return (
            self.ordinal,
            self.start,
            self.end,
            pack_vectors(self.vector),
            self.words.astype("<u4").tobytes(),
            self.sentences.astype("<i4").tobytes(),
            pack_vectors(self.sentence_vectors),
            b"".join(codes.astype("<u4").tobytes() for codes in self.sentence_words),
            lengths.tobytes(),
        )

    @staticmethod
    def words_from(words: bytes, sentence_words: bytes, lengths: bytes) -> tuple[Codes, list[Codes]]:
        """Return the words of a stored passage and of each of its sentences."""
        ends = np.cumsum(np.frombuffer(lengths, "<i4"))
        parts = np.split(np.frombuffer(sentence_words, "<u4"), ends)[:-1]
        return np.frombuffer(words, "<u4"), parts


@dataclass(frozen=True, slots=True)
class Tally:
    """How many passages and sentences of a document hold each word, and how many words they have."""

    codes: Codes
    passages: NDArray[np.int32]
    sentences: NDArray[np.int32]
    passage_count: int
    passage_words: int
    sentence_count: int
    sentence_words: int

    def changes(self, sign: int) -> tuple[bytes, bytes, bytes]:
        """Return what is added (`sign` 1) to the counts of each word, or taken away (-1)."""
        amounts = [(sign * each).astype("<i4").tobytes() for each in (self.passages, self.sentences)]
        return self.codes.astype("<u4").tobytes(), amounts[0], amounts[1]

    def totals(self, sign: int) -> tuple[int, int, int, int, int]:
        """Return the document's share of documents, passages, their words, sentences, and theirs."""
        return (
            sign,
            sign * self.passage_count,
            sign * self.passage_words,
            sign * self.sentence_count,
            sign * self.sentence_words,
        )


def passages_of(
    title: str, reading: Reading, chunks: Chunks, vectors: Vectors, sentence_vectors: Vectors
) -> list[Passage]:
    """Return a document's passages, ready to be stored."""
    parents = np.array([sentence.passage for sentence in chunks.sentences], np.int64)
    table = np.array([(s.start, s.end, s.heading) for s in chunks.sentences], np.int32).reshape(-1, 3)
    texts = [codes_of(sentence_text(reading, s.start, s.end)) for s in chunks.sentences]
    made = []
    for passage, vector in zip(chunks.passages, vectors, strict=True):
        low, high = (int(at) for at in np.searchsorted(parents, [passage.ordinal, passage.ordinal + 1]))
        made.append(
            Passage(
                passage.ordinal,
                passage.start,
                passage.end,
                vector,
                codes_of(passage_text(title, reading, passage.start, passage.end)),
                table[low:high],
                sentence_vectors[low:high],
                texts[low:high],
            )
        )
    return made


def tally(passages: Sequence[tuple[Codes, Sequence[Codes]]]) -> Tally:
    """Count the words of passages and of their sentences."""
    whole = [words for words, _ in passages]
    parts = [words for _, sentences in passages for words in sentences]
    codes = np.unique(np.concatenate([np.empty(0, np.uint32), *whole, *parts]))
    return Tally(
        codes,
        _holding(codes, whole),
        _holding(codes, parts),
        len(whole),
        sum(map(len, whole)),
        len(parts),
        sum(map(len, parts)),
    )


def _holding(codes: Codes, texts: Sequence[Codes]) -> NDArray[np.int32]:
    """Return how many of `texts` hold each of `codes`."""
    found = np.concatenate([np.empty(0, np.uint32), *(np.unique(words) for words in texts)])
    return np.bincount(np.searchsorted(codes, found), minlength=len(codes)).astype(np.int32)

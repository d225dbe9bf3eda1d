"""The common language of retrieval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.boxes import Boxes
from ingest.reading import Reading

Vectors = NDArray[np.float32]
"""Rows of unit length: the inner product of two rows is their cosine."""

Rows = NDArray[np.int64]
Table = NDArray[np.int32] | NDArray[np.int64]
Scores = NDArray[np.float32]


Progress = Callable[[int, int], None]
"""Called with how many of how many texts are done."""


class Embedder(Protocol):
    """Text to vectors. `name` is recorded in the index and must match when it is opened again."""

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return shape (len(texts), dimension), in the order given; rows of unit length."""
        ...

    def embed_question(self, text: str) -> Vectors:
        """Return shape (dimension,), of unit length."""
        ...


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text's tokens. Row i of `rows`, of unit length, stands for the code points `spans[i]` of the text.

    `pooled` is the whole text's vector, so that one run of the model gives both.
    """

    pooled: Vectors
    rows: Vectors
    spans: tuple[tuple[int, int], ...]


class TokenEmbedder(Embedder, Protocol):
    """An embedder that also gives a vector for each token."""

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return each text's tokens, in the order given, as far as the model reads; no special tokens."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """What is known of a document besides its text. `characters` counts code points of the source."""

    id: str
    origin: str
    title: str
    sha256: str
    media_type: str
    added_at: str
    characters: int
    passages: int


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document with its source text, its reading and, for a format with pages, the places on them."""

    record: DocumentRecord
    source: str
    reading: Reading
    boxes: Boxes | None = None

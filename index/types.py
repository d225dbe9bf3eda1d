"""The common language of retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Rows of unit length: the inner product of two rows is their cosine."""


class Embedder(Protocol):
    """Text to vectors. `name` is recorded in the index and must match when it is opened again."""

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return shape (len(texts), dimension), in the order given; rows of unit length."""
        ...

    def embed_question(self, text: str) -> Vectors:
        """Return shape (dimension,), of unit length."""
        ...

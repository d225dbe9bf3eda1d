"""A deterministic embedder without a model: texts that share words are near each other."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np

from index.types import Progress, Vectors

_WORD = re.compile(r"\w+")


class TinyEmbedder:
    """Hashed bags of words of unit length."""

    def __init__(self, name: str = "tiny", dimension: int = 64) -> None:
        self.name = name
        self.dimension = dimension

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        vectors = (
            np.stack([self.embed_question(text) for text in texts])
            if texts
            else np.empty((0, self.dimension))
        )
        if progress is not None:
            progress(len(texts), len(texts))
        return vectors.astype(np.float32)

    def embed_question(self, text: str) -> Vectors:
        vector = np.zeros(self.dimension, np.float32)
        for word in _WORD.findall(text.casefold()):
            vector[zlib.crc32(word.encode()) % self.dimension] += 1
        return vector / max(float(np.linalg.norm(vector)), 1e-6)

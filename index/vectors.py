"""Dense search over unit vectors: the only module that knows FAISS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from index.types import Vectors

faiss: Any = _faiss  # its stubs lag behind its keyword arguments
faiss.omp_set_num_threads(1)  # a question is small: threads belong to requests, not to one search


class VectorIndex:
    """Exact inner-product search. Rows are numbered from 0 in the order given."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors) -> VectorIndex:
        """Index `vectors`, shape (n, dimension)."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, np.float32))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """Open a file that `save` wrote. The caller has verified its hash: FAISS would trust anything."""
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    def save(self, path: Path) -> None:
        """Write the index to one file."""
        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(
        self, question: Vectors, limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and cosines of the nearest vectors, best first; at most `limit`.

        `allowed`, shape (n,), leaves only some rows in the search.
        """
        limit = min(limit, len(self))
        if limit == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        parameters = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        scores, rows = self._index.search(question.reshape(1, -1), limit, params=parameters)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def scores(self, question: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the cosine of `question` with each of `rows`."""
        if len(rows) == 0:
            return np.empty(0, np.float32)
        return np.asarray(self._index.reconstruct_batch(rows) @ question, np.float32)

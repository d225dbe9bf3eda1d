"""Dense search over unit vectors: the only module that knows FAISS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from index.types import Rows, Scores, Vectors

faiss: Any = _faiss  # its stubs lag behind its keyword arguments
faiss.omp_set_num_threads(1)  # a question is small: threads belong to requests, not to one search

EXACT_ROWS = 300_000
"""Up to so many rows every one is compared with the question; beyond it, those of the nearest lists."""
RECALL = 0.995
"""Share of the ten nearest rows that the lists must find, with which the number of lists to visit is chosen."""
MAPPED_BYTES = 32_000_000
"""Larger files are mapped, smaller ones read: what is in memory cannot be torn away by damage to the file."""
_EXACT, _LISTS = "exact.faiss", "lists.faiss"
_TUNED_WITH = 200
_OVERFETCH = 2
_TRAINED_WITH = 64  # rows a list
_BATCH = 16_384


@dataclass(frozen=True, slots=True)
class VectorFiles:
    """Rows of vectors in files, numbered from `first` on: all of them exactly, in half floats as the store has
    them, and for many rows also in lists by nearness (IVF) of bytes (SQ8), whose finds are scored exactly.
    """

    first: int
    exact: Any
    lists: Any | None

    @classmethod
    def open(cls, folder: Path, first: int) -> VectorFiles:
        """Open what a `VectorWriter` wrote. The caller has verified the files: FAISS would trust anything."""
        lists = folder / _LISTS
        return cls(first, _read(folder / _EXACT), _read(lists) if lists.exists() else None)

    def __len__(self) -> int:
        return int(self.exact.ntotal)

    def search(
        self, question: Vectors, limit: int, allowed: NDArray[np.bool_] | None, exact: bool
    ) -> tuple[Rows, Scores]:
        """Return rows and cosines of the nearest vectors. `allowed` is about these rows only."""
        bits = None if allowed is None else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        few = allowed is not None and np.count_nonzero(allowed) <= EXACT_ROWS
        if self.lists is None or few or exact:
            parameters = None if bits is None else faiss.SearchParameters(sel=bits)
            scores, rows = self.exact.search(question.reshape(1, -1), limit, params=parameters)
            found = rows[0] >= 0
            return rows[0][found] + self.first, scores[0][found]
        parameters = faiss.SearchParametersIVF(sel=bits, nprobe=self.lists.nprobe)
        _, rows = self.lists.search(question.reshape(1, -1), _OVERFETCH * limit, params=parameters)
        near = np.sort(rows[0][rows[0] >= 0])
        scores = self.scores(question, near + self.first)
        best = np.argsort(-scores, kind="stable")[:limit]
        return near[best] + self.first, scores[best]

    def scores(self, question: Vectors, rows: Rows) -> Scores:
        """Return the cosine of `question` with each of `rows`."""
        return np.asarray(self.exact.reconstruct_batch(rows - self.first) @ question, np.float32)

    def vectors(self, start: int, end: int) -> Vectors:
        """Return the vectors of the rows `start:end`, counted from the first of these files."""
        return np.asarray(self.exact.reconstruct_n(start, end - start), np.float32)


class VectorIndex:
    """Inner-product search over rows that stand in several files, one behind the other."""

    def __init__(self, files: Sequence[VectorFiles]) -> None:
        self._files = files
        self._firsts = np.array([each.first for each in files], np.int64)

    def __len__(self) -> int:
        return sum(map(len, self._files))

    def search(
        self,
        question: Vectors,
        limit: int,
        allowed: NDArray[np.bool_] | None = None,
        *,
        exact: bool = False,
    ) -> tuple[Rows, Scores]:
        """Return rows and cosines of the nearest vectors, best first; at most `limit`.

        `allowed`, shape (n,), leaves only some rows in the search. `exact` compares every row, however many
        there are.
        """
        if limit <= 0 or len(self) == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        found = [
            each.search(
                question,
                min(limit, len(each)),
                None if allowed is None else allowed[each.first : each.first + len(each)],
                exact,
            )
            for each in self._files
            if len(each)
        ]
        if len(found) == 1:
            return found[0]
        rows = np.concatenate([rows for rows, _ in found])
        scores = np.concatenate([scores for _, scores in found])
        best = np.argsort(-scores, kind="stable")[:limit]
        return rows[best], scores[best]

    def scores(self, question: Vectors, rows: Rows) -> Scores:
        """Return the cosine of `question` with each of `rows`, which ascend."""
        bounds = np.searchsorted(rows, self._firsts)
        parts = [
            each.scores(question, part)
            for each, part in zip(self._files, np.split(rows, bounds[1:]), strict=True)
            if len(part)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)


class VectorWriter:
    """Writes vectors that come batch by batch into files that `VectorFiles` opens."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._index = faiss.IndexScalarQuantizer(
            dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._index.train(np.zeros((1, dimension), np.float32))  # half floats learn nothing

    def add(self, vectors: NDArray[np.float16] | Vectors) -> None:
        """Append rows, shape (n, dimension)."""
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def save(self, folder: Path, questions: Vectors) -> str:
        """Write the files and say how they are searched.

        `questions` are vectors of texts as short as a question; with a few of them the number of lists to
        visit is chosen.
        """
        faiss.write_index(self._index, str(folder / _EXACT))
        if self._index.ntotal <= EXACT_ROWS:
            return "exact"
        lists, recall = self._in_lists(questions)
        faiss.write_index(lists, str(folder / _LISTS))
        return f"IVF{lists.nlist},SQ8, {lists.nprobe} lists visited, scored exactly, recall@10 {recall:.4f}"

    def _in_lists(self, questions: Vectors) -> tuple[Any, float]:
        rows = self._index.ntotal
        count = 1 << round(np.log2(rows) / 2)
        lists = faiss.index_factory(self._index.d, f"IVF{count},SQ8", faiss.METRIC_INNER_PRODUCT)
        sample = np.linspace(0, rows - 1, min(rows, _TRAINED_WITH * count)).astype(np.int64)
        lists.cp.max_points_per_centroid = _TRAINED_WITH
        lists.train(self._index.reconstruct_batch(sample))
        for start in range(0, rows, _BATCH):
            lists.add(self._index.reconstruct_n(start, min(_BATCH, rows - start)))
        return lists, self._tune(lists, questions[:_TUNED_WITH])

    def _tune(self, lists: Any, questions: Vectors) -> float:
        """Have `lists` visit as many lists as find `RECALL` of the ten nearest rows, and return that share."""
        _, nearest = self._index.search(questions, 10)
        lists.nprobe = 8
        while True:
            _, found = lists.search(questions, 10 * _OVERFETCH)
            pairs = zip(nearest, found, strict=True)
            recall = float(np.mean([np.isin(best, rows).mean() for best, rows in pairs]))
            if recall >= RECALL or lists.nprobe >= lists.nlist:
                return recall
            lists.nprobe *= 2


def _read(path: Path) -> Any:
    large = path.stat().st_size > MAPPED_BYTES
    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if large else 0)

"""The tables and vectors of a run of passages, in files that are written once and shared by snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index.store import PassageRow
from index.vectors import MAPPED_BYTES, VectorFiles, VectorWriter

_PASSAGES, _SENTENCES, _SENTENCE_VECTORS = "passages.i4", "sentences.i4", "sentence-vectors.f2"
_COPIED_ROWS = 8192
_SAMPLED = 512


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Rows that follow those of the segment before, with the numbers that they have in the whole snapshot.

    `passages` and `sentences` are as `index.backend.View` describes them.
    """

    passages: NDArray[np.int32]
    sentences: NDArray[np.int32]
    sentence_vectors: NDArray[np.float16]
    vectors: VectorFiles

    @classmethod
    def open(cls, folder: Path, first_passage: int, dimension: int) -> Segment:
        """Open what a `SegmentWriter` wrote, whose first passage has the row `first_passage`."""
        return cls(
            _read(folder / _PASSAGES, np.dtype("<i4"), 5),
            _read(folder / _SENTENCES, np.dtype("<i4"), 4),
            _read(folder / _SENTENCE_VECTORS, np.dtype("<f2"), dimension),
            VectorFiles.open(folder, first_passage),
        )


class SegmentWriter:
    """Writes a segment, passage by passage, as a context manager; finished by `save`."""

    def __init__(self, folder: Path, first_passage: int, first_sentence: int, dimension: int) -> None:
        """The first passage gets the row `first_passage`, its first sentence the row `first_sentence`."""
        folder.mkdir()
        self._folder = folder
        self._open = ExitStack()
        names = (_PASSAGES, _SENTENCES, _SENTENCE_VECTORS)
        self._files = [self._open.enter_context((folder / name).open("wb")) for name in names]
        self._vectors = VectorWriter(dimension)
        self.next_passage = first_passage
        self.next_sentence = first_sentence

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def append(self, other: Segment) -> None:
        """Append all rows of `other`, whose rows are the next ones here."""
        tables: list[NDArray[Any]] = [other.passages, other.sentences, other.sentence_vectors]
        for file, table in zip(self._files, tables, strict=True):
            for start in range(0, len(table), _COPIED_ROWS):
                file.write(table[start : start + _COPIED_ROWS].tobytes())
        for start in range(0, len(other.vectors), _COPIED_ROWS):
            self._vectors.add(other.vectors.vectors(start, min(start + _COPIED_ROWS, len(other.vectors))))
        self.next_passage += len(other.passages)
        self.next_sentence += len(other.sentences)

    def add(self, document: int, rows: Sequence[PassageRow]) -> None:
        """Add the passages of the document with this number."""
        counts = [len(row.sentences) for row in rows]
        passages = np.empty((len(rows), 5), "<i4")
        passages[:, 0] = document
        passages[:, 1:4] = [(row.ordinal, row.start, row.end) for row in rows]
        passages[:, 4] = self.next_sentence + np.cumsum(counts) - counts
        sentences = np.empty((sum(counts), 4), "<i4")
        sentences[:, 0] = np.repeat(self.next_passage + np.arange(len(rows)), counts)
        sentences[:, 1:] = np.concatenate([row.sentences for row in rows])
        vectors = np.concatenate([row.sentence_vectors for row in rows]).astype("<f2", copy=False)
        for file, table in zip(self._files, (passages, sentences, vectors), strict=True):
            file.write(table.tobytes())
        self._vectors.add(np.stack([row.vector for row in rows]))
        self.next_passage += len(rows)
        self.next_sentence += len(sentences)

    def save(self) -> str:
        """Finish the files and say how the vectors are searched."""
        self._open.close()
        vectors = _read(self._folder / _SENTENCE_VECTORS, np.dtype("<f2"), self._vectors.dimension)
        sample = np.unique(np.linspace(0, max(len(vectors) - 1, 0), _SAMPLED).astype(np.int64))
        return self._vectors.save(self._folder, vectors[sample[: len(vectors)]].astype(np.float32))


class Stacked:
    """Rows of several arrays as if they were one: what is asked for is copied, the rest stays where it is."""

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        self._arrays = arrays
        self._ends = np.cumsum([len(array) for array in arrays])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, rows: int | NDArray[np.integer[Any]] | Sequence[int]) -> NDArray[Any]:
        if len(self._arrays) == 1:
            return np.asarray(self._arrays[0][rows])
        wanted = np.atleast_1d(np.asarray(rows, np.int64))
        found = np.empty((len(wanted), *self._arrays[0].shape[1:]), self._arrays[0].dtype)
        places = np.searchsorted(self._ends, wanted, side="right")
        for place in np.unique(places):
            here = places == place
            first = int(self._ends[place]) - len(self._arrays[place])
            found[here] = self._arrays[place][wanted[here] - first]
        return found[0] if np.ndim(rows) == 0 else found


def _read(path: Path, kind: np.dtype[Any], columns: int) -> NDArray[Any]:
    """Return the rows in a file: mapped when it is large, else read."""
    if path.stat().st_size > MAPPED_BYTES:
        # As a plain array: numpy's own class for mapped ones is slow to index.
        return np.memmap(path, kind, "r").view(np.ndarray).reshape(-1, columns)
    return np.fromfile(path, kind).reshape(-1, columns)

"""Which runs of three words occur where in a document: how the repair knows what the text says elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.words import WORD

_F = 0x9E3779B97F4A7C15
_FACTOR = np.uint64(_F)


class Phrases:
    """Every run of three words of some texts, sorted by hash. Words are compared without case.

    `ids` has the words of all texts in order, with 0 between texts; `starts[i]` is where text i begins in it.
    Two runs with the same 64-bit hash count as one. Building takes time and memory in proportion to the number
    of words (times its logarithm for the sorting).
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._vocabulary: defaultdict[str, int] = defaultdict()
        self._vocabulary.default_factory = lambda: len(self._vocabulary) + 1
        number = self._vocabulary.__getitem__
        rows = [np.fromiter(map(number, WORD.findall(text.casefold())), np.uint32) for text in texts]
        lengths = np.fromiter((len(row) + 1 for row in rows), np.int64, len(rows))
        self.starts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(lengths)])
        gap = np.zeros(1, np.uint32)
        self.ids = np.concatenate([gap[:0], *chain.from_iterable((row, gap) for row in rows)])
        keys = _keys(self.ids)
        self._order = np.argsort(keys, kind="stable").astype(np.int32 if len(keys) < 2**31 else np.int64)
        self._keys = keys[self._order]

    def words(self, i: int) -> NDArray[np.uint32]:
        """Return the word numbers of text `i`."""
        return self.ids[self.starts[i] : self.starts[i + 1] - 1]

    def count(self, words: Sequence[str]) -> int:
        """Return how often the three `words`, without case, occur in a row."""
        first, second, third = (self._vocabulary.get(word.casefold(), 0) for word in words)
        if not (first and second and third):
            return 0
        key = np.uint64(((first * _F + second) * _F + third) * _F & 0xFFFFFFFFFFFFFFFF)
        low = int(self._keys.searchsorted(key))
        if low == len(self._keys) or self._keys[low] != key:
            return 0
        return int(self._keys.searchsorted(key, side="right")) - low

    def near_repeats(self, reach: int) -> NDArray[np.bool_]:
        """Say for each word whether a run of three that it is in stands in another text within `reach` words."""
        size = len(self._order)
        covered = np.zeros(len(self.ids), np.bool_)
        if size < 2:
            return covered
        places = self._order
        texts = np.searchsorted(self.starts, places, side="right").astype(places.dtype)
        new = np.ones(size, np.bool_)
        new[1:] = (self._keys[1:] != self._keys[:-1]) | (texts[1:] != texts[:-1])
        del texts
        runs = np.flatnonzero(new)  # where a run of equal (phrase, text) begins
        run = np.cumsum(new, dtype=places.dtype) - 1
        first, last = places[runs], places[np.append(runs[1:], size) - 1]
        same = self._keys[runs[1:]] == self._keys[runs[:-1]]
        before = np.append(False, same)[run] & (places - np.append(0, last[:-1])[run] <= reach)
        after = np.append(same, False)[run] & (np.append(first[1:], 0)[run] - places <= reach)
        hits = places[(before | after) & self._whole(places)]
        for shift in range(3):
            covered[hits + shift] = True
        return covered

    def _whole(self, places: NDArray[Any]) -> NDArray[np.bool_]:
        """Say of which places the run of three lies in one text."""
        whole: NDArray[np.bool_] = (
            (self.ids[places] != 0) & (self.ids[places + 1] != 0) & (self.ids[places + 2] != 0)
        )
        return whole


def _keys(ids: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return a hash of each three numbers in a row."""
    if len(ids) < 3:
        return np.empty(0, np.uint64)
    wide = ids.astype(np.uint64)
    with np.errstate(over="ignore"):
        keys: NDArray[np.uint64] = ((wide[:-2] * _FACTOR + wide[1:-1]) * _FACTOR + wide[2:]) * _FACTOR
    return keys

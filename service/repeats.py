"""What says the same again: a text that stands in many places is one source."""

from __future__ import annotations

import re

import numpy as np

from index.backend import Backend, View
from index.evidence import Evidence
from index.search import Ranking
from ingest.types import Span

NEAR = 0.95
"""Sentences whose vectors are at least this near are compared word by word ..."""
SHARED = 0.9
"""... and say the same where they share this much of their words."""
_WORD = re.compile(r"\w+")


class Repeats:
    """Finds among the ranked sentences those that say what others say. For one question."""

    def __init__(self, snapshot: View, ranking: Ranking, library: Backend) -> None:
        self._library, self._snapshot = library, snapshot
        rows = ranking.sentence_rows
        self._table = snapshot.sentences[rows]
        self._numbers = snapshot.passages[self._table[:, 0], 0]
        self._vectors = np.asarray(snapshot.sentence_vectors[rows], np.float32)

    def of(self, stretch: Evidence) -> dict[str, list[Span]]:
        """Return where else each sentence of `stretch` stands, nearly: reading ranges by document, in order."""
        own = self._places(stretch)
        found: dict[str, list[Span]] = {}
        if not len(own):
            return found
        near = np.max(self._vectors @ self._vectors[own].T, axis=1) >= NEAR
        near[own] = False
        words = [self._words(int(place)) for place in own]
        for place in np.flatnonzero(near).tolist():
            there = self._words(place)
            if any(len(there & here) >= SHARED * len(there | here) for here in words):
                start, end = self._table[place, 1:3].tolist()
                found.setdefault(self._name(place), []).append(Span(start, end))
        return {name: sorted(spans, key=lambda span: span.start) for name, spans in found.items()}

    def covers(self, repeats: dict[str, list[Span]], stretch: Evidence) -> bool:
        """Say whether every sentence of `stretch` is one of `repeats`."""
        spans = repeats.get(stretch.document, [])
        places = self._places(stretch)
        return bool(len(places)) and all(
            Span(*self._table[place, 1:3].tolist()) in spans for place in places.tolist()
        )

    def _places(self, stretch: Evidence) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        inside = (self._table[:, 1] >= stretch.start) & (self._table[:, 2] <= stretch.end)
        places = np.flatnonzero(inside & (self._table[:, 3] == 0))
        return places[[self._name(int(place)) == stretch.document for place in places]]

    def _name(self, place: int) -> str:
        return self._snapshot.documents[int(self._numbers[place])]

    def _words(self, place: int) -> frozenset[str]:
        name = self._name(place)
        document = self._library.document(name, self._snapshot.version(name))
        start, end = self._table[place, 1:3].tolist()
        return frozenset(_WORD.findall(document.reading.text[start:end].casefold()))

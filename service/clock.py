"""How long each stage of an answer took."""

from __future__ import annotations

from time import perf_counter

from service.types import Timings


class Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._start = self._last = perf_counter()
        self._laps = {"embed": 0.0, "search": 0.0, "answer": 0.0}

    def lap(self, stage: str) -> None:
        """Book the time since the last lap under `stage`."""
        now = perf_counter()
        self._laps[stage] += (now - self._last) * 1000
        self._last = now

    def timings(self) -> Timings:
        return Timings(**self._laps, total=(self._last - self._start) * 1000)

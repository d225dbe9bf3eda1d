"""A server under mixed load for a while: no faults, no descriptors lost, no memory that only grows."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import httpx
from conftest import Tally
from test_killed_server import server

from service.bootstrap import open_library
from service.settings import Settings

SECONDS = 20
NOTE = "# Note {0}\n\nThe word{0} stands in this note. Tea number {0} came from China in spring."


def test_memory_and_descriptors_stay(tmp_path: Path, tally: Tally) -> None:
    folder = tmp_path / "index"
    open_library(Settings(index=folder), create=True).close()
    until = time.monotonic() + SECONDS * tally.times
    with server(folder) as (process, url), ThreadPoolExecutor(5) as clients:
        running = [clients.submit(_load, url, number, until) for number in range(4)]
        memory: list[int] = []
        descriptors: list[int] = []
        while time.monotonic() < until:
            time.sleep(min(1.0, SECONDS * tally.times / 100))
            memory.append(_resident(process.pid))
            descriptors.append(len(list(Path(f"/proc/{process.pid}/fd").iterdir())))
        statuses = sum((each.result() for each in running), Counter[int]())
    warm = memory[len(memory) // 3 : len(memory) // 2]
    drift = median(memory[-len(warm) :]) / median(warm) - 1
    print(
        f"{sum(statuses.values())} requests {dict(statuses)}, {memory[-1] / 1e6:.0f} MB, drift {drift:+.1%}"
    )
    assert max(descriptors[len(descriptors) // 2 :]) <= max(descriptors[: len(descriptors) // 2]) + 8
    assert drift < (0.05 if tally.times > 1 else 0.25), (
        f"memory grew by {drift:.1%}"
    )  # a short run is still warming
    faults = sum(count for status, count in statuses.items() if status >= 500)
    tally.keep("a request under mixed load is no fault", sum(statuses.values()), faults)


def _load(url: str, number: int, until: float) -> Counter[int]:
    """Ask, add and remove: four questions to each change, never more than 30 documents a client."""
    chance = random.Random(number)
    mine: list[str] = []
    seen: Counter[int] = Counter()
    with httpx.Client(base_url=url, timeout=60) as client:
        while time.monotonic() < until:
            for _ in range(4):
                question = f"Where does tea number {chance.randrange(1000)} come from?"
                seen[client.post("/v1/ask", json={"question": question}).status_code] += 1
            if len(mine) < 30 and chance.random() < 0.6:
                text = NOTE.format(number * 10**6 + chance.randrange(10**6))
                added = client.post("/v1/documents", json={"title": "note.md", "text": text})
                seen[added.status_code] += 1
                if added.status_code == 201:
                    mine.append(added.json()["document_id"])
            elif mine:
                seen[client.delete(f"/v1/documents/{mine.pop(0)}").status_code] += 1
    return seen


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return 1024 * int(status.split("VmRSS:")[1].split()[0])

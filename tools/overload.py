"""Offers a service five times the load it can take, and says how much of what it can take it still serves.

python -m tools.overload --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from time import perf_counter

import numpy as np

from eval.load import measure, read_status, request_of
from tools.mixed_load import own_service

TIMES = 5
_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Connections:
    """Kept connections to a port; there are as many as are used at the same time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, request: bytes) -> tuple[int, float]:
        """Send one request; return its status and the milliseconds it took."""
        start = perf_counter()
        while True:
            kept = bool(self._free)
            reader, writer = (
                self._free.pop() if kept else await asyncio.open_connection("127.0.0.1", self._port)
            )
            try:
                writer.write(request)
                status = await read_status(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                if not kept:
                    raise
                continue  # the server had closed it because it was idle
            self._free.append((reader, writer))
            return status, (perf_counter() - start) * 1000


async def offer(port: int, requests: list[bytes], rate: float, seconds: float) -> list[tuple[int, float]]:
    """Send `rate` requests a second, whether or not those before are answered."""
    connections = Connections(port)
    tasks = []
    start = perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + number / rate - perf_counter()))
        tasks.append(asyncio.create_task(connections.send(requests[number % len(requests)])))
    return list(await asyncio.gather(*tasks))


async def overload(port: int, questions: list[str], rate: float, seconds: float) -> None:
    requests = [request_of("/v1/ask", question) for question in questions]
    start = perf_counter()
    health = asyncio.create_task(offer(port, [_HEALTH], 5, seconds))
    sent = await offer(port, requests, TIMES * rate, seconds)
    took = perf_counter() - start
    statuses = Counter(status for status, _ in sent)
    refused = [took for status, took in sent if status == 503]
    print(
        f"offered {TIMES * rate:.0f}/s: served {statuses[200] / took:.1f}/s, {statuses[200] / took / rate:.0%} of capacity"
    )
    print(f"statuses {dict(statuses)}; a 503 took {np.median(refused or [0]):.0f} ms (median)")
    alive = await health
    print(
        f"/healthz: {dict(Counter(status for status, _ in alive))}, at most {max(took for _, took in alive):.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    os.environ["PINCITE_ANSWER_CACHE"] = "0"
    lines = Path("eval/questions/handbook.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [str(json.loads(line)["question"]) for line in lines]
    with own_service() as address:
        port = int(address.rpartition(":")[2])
        measure(port, "/v1/ask", questions, 8, 2.0)  # warm
        capacity = measure(port, "/v1/ask", questions, 8, options.seconds)
        print(f"capacity {capacity.requests_per_second:.1f}/s with 8 clients")
        asyncio.run(overload(port, questions, capacity.requests_per_second, options.seconds))


if __name__ == "__main__":
    main()

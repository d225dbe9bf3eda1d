"""Load on an HTTP service: so many clients that each wait for their answer before they ask again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np


@dataclass(frozen=True, slots=True)
class Load:
    """What a service gave under load. Latencies in milliseconds."""

    clients: int
    requests: int
    requests_per_second: float
    p50: float
    p99: float
    errors: int
    cpu_milliseconds: float = 0.0
    """Of the service, a request."""


def measure(port: int, path: str, questions: Sequence[str], clients: int, seconds: float) -> Load:
    """Ask `questions` in turn over `clients` kept connections to this machine for `seconds`."""
    return asyncio.run(_measure(port, path, questions, clients, seconds))


async def _measure(port: int, path: str, questions: Sequence[str], clients: int, seconds: float) -> Load:
    requests = [request_of(path, question) for question in questions]
    latencies: list[float] = []
    errors = 0
    start = perf_counter()
    until = start + seconds

    async def client(number: int) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while perf_counter() < until:
            asked = perf_counter()
            writer.write(requests[turn % len(requests)])
            errors += await read_status(reader) != 200
            latencies.append((perf_counter() - asked) * 1000)
            turn += clients
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client(number) for number in range(clients)))
    elapsed = perf_counter() - start
    p50, p99 = np.percentile(latencies, [50, 99])
    return Load(clients, len(latencies), len(latencies) / elapsed, float(p50), float(p99), errors)


def request_of(path: str, question: str) -> bytes:
    """Return a request that asks `question`, as it goes over the wire."""
    body = json.dumps({"question": question}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def read_status(reader: asyncio.StreamReader) -> int:
    """Read one response and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split()[1])

"""Rates and admission: what is too much is refused at once, what was taken on is finished."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from serving import served

from index.library import Library
from service import limits
from service.answering import Answerer
from service.app import create_app
from service.errors import OverloadedError
from service.ledger import Ledger
from service.limits import Load, RateLimit, is_work
from service.settings import Settings
from service.types import Answer

ASKED = {"question": "When does the office open?"}


def test_row_14_rate_exceeded(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(limits, "monotonic", lambda: now)
    ledger = Ledger.open(tmp_path / "index")
    tokens = [ledger.add_key(name, "read")[1] for name in ("one", "other")]
    with TestClient(create_app(Answerer(library), Settings(rate=0.5, burst=3), ledger)) as client:

        def ask(token: str) -> httpx.Response:
            return client.post("/v1/search", json=ASKED, headers={"authorization": f"Bearer {token}"})  # type: ignore[return-value]

        assert [ask(tokens[0]).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = ask(tokens[0])
        assert (refused.headers["retry-after"], refused.json()["type"]) == (
            "2",
            "urn:pincite:problem:too_many_requests",
        )
        assert ask(tokens[1]).status_code == 200, "each key has its own"
        assert client.get("/healthz").status_code == 200
        now = 102.0
        assert [ask(tokens[0]).status_code for _ in range(2)] == [200, 429], "0.5 a second: 1 in 2 s"
    ledger.close()


def test_callers_without_keys_are_told_apart_by_address() -> None:
    async def app(*_: Any) -> None:
        pass

    statuses: list[tuple[str, int]] = []

    async def run() -> None:
        limit = RateLimit(app, rate=1.0, burst=1)
        for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1"):

            async def send(message: Any, address: str = address) -> None:
                if message["type"] == "http.response.start":
                    statuses.append((address, message["status"]))

            scope = {"type": "http", "method": "GET", "path": "/v1/documents", "client": (address, 1)}
            await limit(scope, send, send)  # type: ignore[arg-type]

    asyncio.run(run())
    assert statuses == [("10.0.0.1", 429)]


def test_places_are_handed_on_in_order_and_not_lost() -> None:
    async def run() -> None:
        load = Load(at_once=1, waiting=2)
        order: list[int] = []
        release = asyncio.Event()

        async def work(number: int) -> None:
            async with load.place():
                order.append(number)
                await release.wait()

        tasks = [asyncio.create_task(work(number)) for number in range(3)]
        await asyncio.sleep(0)
        assert (order, load.running, load.waiting) == ([0], 1, 2)
        with pytest.raises(OverloadedError, match="1 requests are served and 2 wait"):
            async with load.place():
                pass
        tasks[1].cancel()
        await asyncio.sleep(0)
        assert load.waiting == 1
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (order, load.running, load.waiting) == ([0, 2], 0, 0)

    asyncio.run(run())


@pytest.mark.parametrize(("method", "path", "expected"), [
    ("POST", "/v1/ask", True), ("POST", "/v1/documents", True), ("GET", "/", True), ("GET", "/documents/a", True),
    ("GET", "/v1/documents", False), ("GET", "/healthz", False), ("GET", "/readyz", False), ("GET", "/metrics", False),
    ("GET", "/static/style.css", False), ("DELETE", "/v1/documents/a", False), ("POST", "/mcp", True),
])  # fmt: skip
def test_look_ups_need_no_place(method: str, path: str, expected: bool) -> None:
    assert is_work(method, path) is expected


class HeldAnswerer(Answerer):
    """Answers once it may, and says how many ask at once."""

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self.may_answer, self.lock = threading.Event(), threading.Lock()
        self.asking = self.most = 0

    def answer(self, question: str, **options: Any) -> Answer:
        with self.lock:
            self.asking += 1
            self.most = max(self.most, self.asking)
        assert self.may_answer.wait(30)
        with self.lock:
            self.asking -= 1
        return super().answer(question, **options)


def test_row_15_what_is_too_much_is_refused_at_once_and_the_rest_is_served(library: Library) -> None:
    library.add(b"The office opens at nine.", "a.txt")
    answerer = HeldAnswerer(library)
    settings = Settings(at_once=2, waiting=4)
    with (
        served(create_app(answerer, settings)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
        ThreadPoolExecutor(30) as pool,
    ):
        asked = [pool.submit(client.post, "/v1/ask", json=ASKED) for _ in range(30)]
        refused = 0
        while refused < 24:  # these come back while the others are held
            time.sleep(0.01)
            refused = sum(future.done() for future in asked)
        assert client.get("/healthz").status_code == 200
        metrics = client.get("/metrics").text
        assert "pincite_requests_running 2.0" in metrics
        assert "pincite_requests_waiting 4.0" in metrics
        answerer.may_answer.set()
        responses = [future.result() for future in asked]
    assert Counter(response.status_code for response in responses) == {200: 6, 503: 24}
    assert answerer.most == 2
    late = [response for response in responses if response.status_code == 503]
    assert {response.headers["retry-after"] for response in late} == {"1"}
    assert {response.json()["type"] for response in late} == {"urn:pincite:problem:overloaded"}

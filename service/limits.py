"""How much is taken on: so many requests a second from each caller, so much work at a time from all together."""

from __future__ import annotations

import asyncio
import math
import os
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import OverloadedError
from service.problems import ProblemResponse

_MOST_CALLERS = 10_000
_UNLIMITED = ("/healthz", "/readyz", "/metrics", "/static/")
_WORK = {
    "GET": ("/", "/documents/", "/answers/"),
    "POST": ("/v1/ask", "/v1/ask/batch", "/v1/search", "/v1/documents", "/v1/chat/completions", "/mcp"),
    "PUT": ("/v1/documents/",),
}
"""What costs work: exact paths, and beginnings where they end with a stroke (but for `/` itself)."""


class Load:
    """How much work is under way: `at_once` pieces run, `waiting` more queue, first come, first served."""

    def __init__(self, at_once: int, waiting: int) -> None:
        """With `at_once` 0 there are two a processor."""
        self._at_once = at_once or 2 * (os.cpu_count() or 1)
        self._most_waiting = waiting
        self._queue: deque[asyncio.Future[None]] = deque()
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many pieces of work wait."""
        return len(self._queue)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place while the body runs. Raises `OverloadedError` at once where too many wait."""
        if self.running < self._at_once:
            self.running += 1
        elif len(self._queue) >= self._most_waiting:
            raise OverloadedError(
                f"{self.running} requests are served and {self.waiting} wait: try again soon"
            )
        else:
            await self._turn()
        try:
            yield
        finally:
            self._hand_on()

    async def _turn(self) -> None:
        """Wait until another hands its place on."""
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._hand_on()
            else:
                self._queue.remove(turn)
            raise

    def _hand_on(self) -> None:
        if self._queue:
            self._queue.popleft().set_result(None)
        else:
            self.running -= 1


class Admission:
    """ASGI middleware. Work needs a place in `load`; what finds none is answered 503 with Retry-After at once."""

    def __init__(self, app: ASGIApp, *, load: Load) -> None:
        self._app = app
        self._load = load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_work(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            async with self._load.place():
                await self._app(scope, receive, send)
        except OverloadedError as error:
            await _refuse(503, "overloaded", str(error), 1, scope, receive, send)


class RateLimit:
    """ASGI middleware. A caller (a key, or else an address) may send `rate` requests a second, and up to `burst`
    at once after a pause; what is more is answered 429 with Retry-After.
    """

    def __init__(self, app: ASGIApp, *, rate: float, burst: int) -> None:
        """With a `rate` of 0 there is no limit."""
        self._app = app
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._rate or scope["path"].startswith(_UNLIMITED):
            await self._app(scope, receive, send)
            return
        wait = self._wait(_caller(scope), monotonic())
        if wait:
            detail = f"at most {self._rate:g} requests a second are taken from you: wait {wait} s"
            await _refuse(429, "too_many_requests", detail, wait, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _wait(self, caller: str, now: float) -> int:
        """Take a request from the caller's bucket; return the seconds until there is one where there is none."""
        tokens, since = self._buckets.pop(caller, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        taken = tokens >= 1
        self._buckets[caller] = (tokens - taken, now)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        return 0 if taken else math.ceil((1 - tokens) / self._rate)


def is_work(method: str, path: str) -> bool:
    """Whether a request costs more than a look-up."""
    return any(
        path == place or (len(place) > 1 and place[-1] == "/" and path.startswith(place))
        for place in _WORK.get(method, ())
    )


def _caller(scope: Scope) -> str:
    key = scope.get("state", {}).get("caller")
    return f"key {key}" if key else str((scope.get("client") or ("unknown",))[0])


async def _refuse(
    status: int, kind: str, detail: str, wait: int, scope: Scope, receive: Receive, send: Send
) -> None:
    request_id = str(scope.get("state", {}).get("request_id", "-"))
    await ProblemResponse(status, kind, detail, request_id, {"Retry-After": str(wait)})(scope, receive, send)

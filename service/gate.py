"""What stands before every request: an id, a bound on its body's size and on its silence."""

from __future__ import annotations

import asyncio
import uuid

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import ProblemResponse

_CLOSE = {"connection": "close"}


class Gate:
    """ASGI middleware. Gives each request an id (sent back as `X-Request-ID`), answers 413 to a body over
    `max_body_bytes` (before reading it where its length is declared) and 408 to one that keeps silent for
    `body_seconds`.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, body_seconds: float) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {
                    **message,
                    "headers": [*message["headers"], (b"x-request-id", request_id.encode())],
                }
            await send(message)

        if _declared_length(scope) > self._max_body_bytes:
            refusal = ProblemResponse(413, "too_large", self._too_large, request_id, _CLOSE)
            await refusal(scope, receive, tagged)
        else:
            await self._app(scope, self._bounded(receive), tagged)

    @property
    def _too_large(self) -> str:
        return f"the body is larger than {self._max_body_bytes} bytes: send less at a time"

    def _bounded(self, receive: Receive) -> Receive:
        """Return `receive` with the bounds on the body; they end with it."""
        taken = 0
        complete = False

        async def bounded() -> Message:
            nonlocal taken, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout(self._body_seconds):
                    message = await receive()
            except TimeoutError:
                detail = f"no more of the body came within {self._body_seconds:g} s: send it again"
                raise HTTPException(408, detail, _CLOSE) from None
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if taken > self._max_body_bytes:
                    raise HTTPException(413, self._too_large, _CLOSE)
            return message

        return bounded


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0

"""`/mcp`: the Model Context Protocol over streamable HTTP, where the extra `mcp` is installed.

The SDK is imported with the first request: it would make every start slower by a third of a second. Each request
stands for itself (no sessions, no streams from the server), so that any replica can take it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access import is_loopback
from service.answering import Answerer
from service.ledger import Ledger
from service.settings import Settings

if TYPE_CHECKING:
    from mcp.server.transport_security import TransportSecuritySettings

PATH = "/mcp"
_HERE = ("127.0.0.1", "localhost", "[::1]")


def is_installed() -> bool:
    """Return whether the extra `mcp` is there."""
    return find_spec("mcp") is not None


def mcp_routes(answerer: Answerer, settings: Settings, ledger: Ledger | None) -> APIRouter:
    """Return the route `/mcp` around `answerer`. It works while the lifespan of its app runs."""
    endpoint = _Endpoint(answerer, settings, ledger)
    router = APIRouter(lifespan=endpoint.lifespan)
    router.add_route(PATH, endpoint, methods=["POST"], include_in_schema=False)  # type: ignore[arg-type]
    return router


class _Endpoint:
    """An ASGI app that starts the SDK's one with the first request, in a task that belongs to the lifespan."""

    def __init__(self, answerer: Answerer, settings: Settings, ledger: Ledger | None) -> None:
        self._answerer = answerer
        self._settings = settings
        self._ledger = ledger
        self._wanted: anyio.Event | None = None
        self._ready = anyio.Event()
        self._app: ASGIApp | None = None

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self._wanted, self._ready = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._serve, self._wanted)
            yield
            tasks.cancel_scope.cancel()
        self._wanted = self._app = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._wanted is None:
            raise HTTPException(503, "the service is not running its tasks: serve it with its lifespan")
        self._wanted.set()
        await self._ready.wait()
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _serve(self, wanted: anyio.Event) -> None:
        await wanted.wait()
        app = await anyio.to_thread.run_sync(self._make)
        async with app.router.lifespan_context(app):
            self._app = app
            self._ready.set()
            await anyio.sleep_forever()

    def _make(self) -> Starlette:
        from service.mcp_server import make_server

        return make_server(self._answerer, self._ledger).streamable_http_app(
            streamable_http_path=PATH,
            stateless_http=True,
            json_response=True,
            max_request_body_size=self._settings.max_body_bytes,
            transport_security=_security(self._settings),
        )


def _security(settings: Settings) -> TransportSecuritySettings:
    """Return which Host and Origin headers are taken.

    On a loopback address the names of this machine and of the settings only: a web page must not reach the service by
    a name that it has pointed here. On any other address the names that people use are not known, and keys guard the
    route.
    """
    from mcp.server.transport_security import TransportSecuritySettings

    if not is_loopback(settings.host):
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    names = [variant for name in (*_HERE, *settings.hosts) for variant in (name, f"{name}:*")]
    origins = [f"{scheme}://{name}" for scheme in ("http", "https") for name in names]
    return TransportSecuritySettings(allowed_hosts=names, allowed_origins=origins)

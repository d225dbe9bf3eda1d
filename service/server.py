"""Running the HTTP service."""

from __future__ import annotations

import signal
import sys
from socket import socket

import uvicorn
from rich.console import Console

from service import messages
from service.access import HostCheck, check_binding
from service.app import create_app
from service.bootstrap import open_answerer, open_ledger
from service.logs import write_logs
from service.settings import Settings


def run(settings: Settings, console: Console) -> None:
    """Serve until stopped by SIGINT or SIGTERM.

    Raises the errors of `index.errors` and of `service.ledger` before it listens.
    """
    answerer = open_answerer(settings)
    ledger = open_ledger(settings)
    check_binding(settings, ledger.keyring())
    config = uvicorn.Config(
        HostCheck(create_app(answerer, settings, ledger), settings=settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=25,
    )
    write_logs()
    # uvicorn drains, then raises the signal again: being told to stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        _Server(config, console, messages.size(answerer.info())).run()
    finally:
        ledger.close()
        answerer.library.close()


class _Server(uvicorn.Server):
    """A server that says where it is once it listens."""

    def __init__(self, config: uvicorn.Config, console: Console, size: str) -> None:
        super().__init__(config)
        self._console = console
        self._size = size

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            self._console.print(
                f"Pincite answers on http://{name}:{port} ({self._size}). Stop it with Ctrl-C."
            )

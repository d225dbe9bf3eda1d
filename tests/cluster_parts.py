"""Processes that tests of the cluster start: the stand-in for the engine, and proxies before both dependencies."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postgres import free_port

ROOT = Path(__file__).resolve().parent.parent


class ProxyProcess:
    """A proxy before a port; `port` is its own."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        script = Path(__file__).with_name("tcp_proxy.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(self.port), str(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._read("ready")

    def order(self, line: str) -> None:
        """Have it do something (see `tcp_proxy`)."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self._read("done")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self, expected: str) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line == expected, f"the proxy said {line!r} for {expected!r}"


@contextmanager
def running_proxy(target: int) -> Iterator[ProxyProcess]:
    proxy = ProxyProcess(target)
    try:
        yield proxy
    finally:
        proxy.stop()


@contextmanager
def running_engine() -> Iterator[int]:
    """Run the stand-in for the engine while the body does; yields its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tools.qdrant_standin", str(port)], cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                    break
            except OSError:
                assert process.poll() is None, "the stand-in for the engine did not start"
                assert time.monotonic() < until, "the stand-in for the engine does not answer"
                time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()

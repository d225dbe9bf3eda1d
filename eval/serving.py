"""Services that are started to be measured: what they cost until they answer, and while they do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import Request, urlopen

ASK = "/v1/ask"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its port, its process, and the seconds from its start to its first answer."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    cold_start: float

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has taken, in and out of the kernel."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self, kind: str = "VmRSS") -> float:
        """Return the memory that the process holds (`VmRSS`), or the most that it has held (`VmHWM`).

        0 for a process that has ended.
        """
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = status.partition(f"{kind}:")[2].split()
        return int(found[0]) / 1024 if found else 0.0


@contextmanager
def serving(
    name: str, command: Sequence[str], question: str, environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Start a service on a free port ("{port}" in `command`) and give it once it has answered `question`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = monotonic()
    process = subprocess.Popen(
        [part.format(port=port) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    try:
        body = json.dumps({"question": question}).encode()
        request = Request(f"http://127.0.0.1:{port}{ASK}", body, {"content-type": "application/json"})
        while True:
            try:
                urlopen(request).read()
                break
            except URLError:
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with code {process.returncode}") from None
                sleep(0.02)
        yield Service(name, port, process, monotonic() - start)
    finally:
        process.terminate()
        process.wait()

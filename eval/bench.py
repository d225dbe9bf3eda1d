"""Pincite beside the plain baseline, in turn, in one run: `python -m eval.bench [FILE...]`.

Both index the same files and are asked the same questions over HTTP. Pincite answers `/v1/ask` in full,
with its citations and its refusal; the baseline only returns the five nearest chunks.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.table import Table

from eval.load import Load, measure

CLIENTS = (1, 8, 32)
PATH = "/v1/ask"
QUESTIONS = Path(__file__).parent / "questions" / "bench.txt"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its port, its process, and the seconds from its start to its first answer."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    cold_start: float

    def peak_megabytes(self) -> float:
        """Return the most memory that the process has held (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=[Path("documents/handbook.md")])
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds a measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    console = Console(width=110)
    questions = QUESTIONS.read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        pincite = [sys.executable, "-c", "from service.cli import main; main()"]
        start = monotonic()
        subprocess.run([*pincite, "ingest", *map(str, options.files), "--index", str(index)], check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        console.print(
            f"Pincite ingests {_size(options.files):.0f} kB in {monotonic() - start:.1f} s, start-up included, "
            f"with at most {peak:.0f} MB of memory."
        )
        baseline = [sys.executable, "-m", "eval.baseline"]
        with (
            _serving(
                "Pincite", [*pincite, "serve", "--index", str(index), "--port", "{port}"], questions
            ) as ours,
            _serving("baseline", [*baseline, "{port}", "0", *map(str, options.files)], questions) as plain,
            _serving(
                "baseline, 1 thread", [*baseline, "{port}", "1", *map(str, options.files)], questions
            ) as single,
        ):
            _compare([ours, plain, single], questions, options.seconds, options.rounds, console)


def _compare(
    services: list[Service], questions: list[str], seconds: float, rounds: int, console: Console
) -> None:
    runs: dict[tuple[str, int], list[Load]] = {}
    for _ in range(rounds):
        for clients in CLIENTS:
            for service in services:
                load = measure(service.port, PATH, questions, clients, seconds)
                runs.setdefault((service.name, clients), []).append(load)
    console.print(
        f"Load average {os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores, medians of {rounds} rounds."
    )
    table = Table(
        "service", "requests/s at 1 / 8 / 32", "p99 ms at 1 / 8 / 32", "peak MB", "cold start s", "errors"
    )
    for service in services:
        loads = [runs[service.name, clients] for clients in CLIENTS]
        table.add_row(
            service.name,
            " / ".join(
                f"{statistics.median(load.requests_per_second for load in each):.0f}" for each in loads
            ),
            " / ".join(f"{statistics.median(load.p99 for load in each):.0f}" for each in loads),
            f"{service.peak_megabytes():.0f}",
            f"{service.cold_start:.1f}",
            str(sum(load.errors for each in loads for load in each)),
        )
    console.print(table)
    for other in services[1:]:
        ratios = []
        for clients in CLIENTS:
            pairs = zip(runs[services[0].name, clients], runs[other.name, clients], strict=True)
            each = sorted(a.requests_per_second / b.requests_per_second for a, b in pairs)
            ratios.append(f"{statistics.median(each):.1f} ({each[0]:.1f} to {each[-1]:.1f})")
        console.print(f"requests/s, {services[0].name} to {other.name}: {' / '.join(ratios)}")


@contextmanager
def _serving(name: str, command: list[str], questions: list[str]) -> Iterator[Service]:
    """Start a service on a free port and give it once it has answered a question."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = monotonic()
    process = subprocess.Popen([part.format(port=port) for part in command], stderr=subprocess.DEVNULL)
    try:
        body = f'{{"question": "{questions[0]}"}}'.encode()
        request = Request(f"http://127.0.0.1:{port}{PATH}", body, {"content-type": "application/json"})
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


def _size(files: list[Path]) -> float:
    return sum(path.stat().st_size for path in files) / 1000


if __name__ == "__main__":
    main()

"""Pincite beside the plain baseline, in turn, in one run: `python -m eval.bench [FILE...]`.

Both index the same files and are asked the same questions over HTTP. Pincite answers `/v1/ask` in full,
with its citations and its refusal; the baseline only returns the five nearest chunks.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic

import orjson
from rich.console import Console
from rich.table import Table

from eval.load import Load, measure
from eval.plots import bars
from eval.serving import ASK, Service, serving

CLIENTS = (1, 8, 32)
QUESTIONS = Path(__file__).parent / "questions" / "bench.txt"
REPORTS = Path("reports")
PINCITE = (sys.executable, "-c", "from service.cli import main; main()")
_AGAIN = "Pincite, asked again"
_REPEATED = 16
_MADE = 400
_QUESTION_WORDS = 7

Measure = Callable[[Service, Sequence[str], int, float], Load]


@dataclass(frozen=True, slots=True)
class Measured:
    """A service and its rounds, by number of clients. Memory is that at the end, after all the load."""

    name: str
    cold_start: float
    megabytes: float
    rounds: dict[int, list[Load]]

    def median(self, clients: int, field: str) -> float:
        """Return the median of a field of `Load` over the rounds."""
        return float(statistics.median(getattr(load, field) for load in self.rounds[clients]))


def main() -> None:
    """Print the comparison, and write it with a plot to reports/."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=[Path("documents/handbook.md")])
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds a measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    console = Console(width=130)
    questions = distinct_questions(options.files)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        index = str(Path(folder) / "index")
        console.print(_ingest(options.files, index))
        serve = [*PINCITE, "serve", "--index", index, "--port", "{port}"]
        baseline = [sys.executable, "-m", "eval.baseline", "{port}"]
        files = [str(path) for path in options.files]
        services = [
            stack.enter_context(serving(name, command, questions[0], environment))
            for name, command, environment in (
                ("Pincite", serve, {"PINCITE_ANSWER_CACHE": "0"}),
                (_AGAIN, serve, {}),
                ("baseline", [*baseline, "0", *files], {}),
                ("baseline, 1 thread", [*baseline, "1", *files], {}),
            )
        ]
        measured = compare(services, questions, options.seconds, options.rounds, over_http)
    report(measured, "bench", console, options.rounds)


def distinct_questions(files: Sequence[Path]) -> list[str]:
    """Return the bundled questions and others about phrases of `files`, as long as those: all of them different."""
    words = [word for path in files for word in re.findall(r"\w+", path.read_text("utf-8", "replace"))]
    step = max(len(words) // _MADE, _QUESTION_WORDS)
    phrases = (" ".join(words[at : at + _QUESTION_WORDS]) for at in range(0, len(words), step))
    made = [f"What is said about {phrase}?" for phrase in phrases]
    return list(dict.fromkeys([*QUESTIONS.read_text("utf-8").splitlines(), *made]))


def over_http(service: Service, questions: Sequence[str], clients: int, seconds: float) -> Load:
    """Measure with the client of `eval.load`. `_AGAIN` is asked few questions, many times."""
    asked = questions[:_REPEATED] if service.name == _AGAIN else questions
    return measure(service.port, ASK, asked, clients, seconds)


def compare(
    services: Sequence[Service], questions: Sequence[str], seconds: float, rounds: int, ask: Measure
) -> list[Measured]:
    """Measure the services in turn, so that what else the machine does falls on all of them."""
    runs: dict[str, dict[int, list[Load]]] = {service.name: {c: [] for c in CLIENTS} for service in services}
    for _ in range(rounds):
        for clients in CLIENTS:
            for service in services:
                before = service.cpu_seconds()
                load = ask(service, questions, clients, seconds)
                spent = (service.cpu_seconds() - before) * 1000 / max(load.requests, 1)
                runs[service.name][clients].append(replace(load, cpu_milliseconds=spent))
    return [Measured(s.name, s.cold_start, s.megabytes(), runs[s.name]) for s in services]


def report(measured: Sequence[Measured], name: str, console: Console, rounds: int) -> None:
    """Print the table and the ratios, and write them with a plot to reports/."""
    load = f"{os.getloadavg()[0]:.1f}"
    console.print(f"Load average {load} at the end, {os.cpu_count()} cores, medians of {rounds} rounds.")
    table = Table(
        "service", "requests/s at 1 / 8 / 32", "p50 ms", "p99 ms", "CPU ms", "MB", "cold start s", "errors"
    )
    for each in measured:
        columns = [
            " / ".join(f"{each.median(clients, field):.{digits}f}" for clients in CLIENTS)
            for field, digits in (("requests_per_second", 0), ("p50", 1), ("p99", 0), ("cpu_milliseconds", 1))
        ]
        errors = sum(load.errors for loads in each.rounds.values() for load in loads)
        table.add_row(each.name, *columns, f"{each.megabytes:.0f}", f"{each.cold_start:.1f}", str(errors))
    console.print(table)
    first = measured[0]
    for other in measured[1:]:
        rates = " / ".join(_ratio(first, other, clients, "requests_per_second") for clients in CLIENTS)
        tails = " / ".join(_ratio(other, first, clients, "p99") for clients in CLIENTS)
        costs = " / ".join(_ratio(other, first, clients, "cpu_milliseconds") for clients in CLIENTS)
        console.print(
            f"{first.name} to {other.name}: requests/s {rates}; p99 lower {tails}; CPU less {costs}"
        )
    REPORTS.mkdir(exist_ok=True)
    fields = {"load_average": load, "services": [asdict(each) for each in measured]}
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    (REPORTS / f"{name}.json").write_bytes(orjson.dumps(fields, option=options))
    plot = bars(
        "Requests a second at 8 clients", {m.name: m.median(8, "requests_per_second") for m in measured}
    )
    (REPORTS / f"{name}.svg").write_text(plot, "utf-8")
    console.print(f"Written: {REPORTS / name}.json and .svg")


def _ratio(a: Measured, b: Measured, clients: int, field: str) -> str:
    """Return the median ratio of the rounds of `a` to those of `b`, and its spread."""
    pairs = zip(a.rounds[clients], b.rounds[clients], strict=True)
    each = sorted(getattr(one, field) / max(getattr(two, field), 1e-9) for one, two in pairs)
    return f"{statistics.median(each):.1f} ({each[0]:.1f} to {each[-1]:.1f})"


def _ingest(files: Sequence[Path], index: str) -> str:
    """Ingest as a user does, and say what that took; the baseline does its part in this process's place."""
    start = monotonic()
    subprocess.run([*PINCITE, "ingest", *map(str, files), "--index", index], check=True)
    ours = monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    start = monotonic()
    subprocess.run([sys.executable, "-m", "eval.baseline", "build", *map(str, files)], check=True)
    theirs = monotonic() - start
    size = sum(path.stat().st_size for path in files) / 1000
    return (
        f"Ingestion of {size:.0f} kB, start-up included: Pincite {ours:.1f} s and at most {peak:.0f} MB, "
        f"the baseline {theirs:.1f} s ({theirs / ours:.1f} times as long)."
    )


if __name__ == "__main__":
    main()

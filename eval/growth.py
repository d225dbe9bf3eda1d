"""How an index grows, from a thousand passages to a million: `python -m eval.growth [FILE...]`.

Prints ingestion, disk, memory, opening and answering at each size, with planted answers looked up.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from eval.growing import PARAGRAPHS, MixingEmbedder, Planted, Writer, planted, spread
from index.build import Source
from index.embedding import open_embedder
from index.library import Library

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_ADDED = "# Addendum\n\nThe night ferry to Quillhaven leaves at a quarter past nine from pier seven."


@dataclass(frozen=True, slots=True)
class Asked:
    """What one process saw that opened an index and asked. Milliseconds, megabytes."""

    passages: int
    searches: list[str]
    opened_seconds: float
    p50: float
    p99: float
    search_p50: float
    peak_megabytes: float
    planted_found: int
    recall: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One size: what it took to get there, and what was seen there."""

    ingest_seconds: float
    publish_seconds: float
    store_megabytes: float
    snapshot_megabytes: float
    addition_seconds: float
    asked: Asked


def main() -> None:
    """Grow an index and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=[Path("documents/handbook.md")])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="passages")
    parser.add_argument("--embedded", type=int, default=20_000, help="texts that the model embeds")
    parser.add_argument("--folder", type=Path, help="where to grow the index [default: one that is removed]")
    parser.add_argument("--out", type=Path, default=Path("reports/growth.json"))
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(orjson.dumps(asdict(ask(options.ask))).decode())
        return
    writer = Writer([path.read_text("utf-8") for path in options.files])
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as temporary:
        stages = []
        for stage in _grow(writer, options.folder or Path(temporary), options.sizes, options.embedded):
            stages.append(stage)
            console.print(_table(stages))
            options.out.parent.mkdir(exist_ok=True)
            options.out.write_bytes(
                orjson.dumps([asdict(each) for each in stages], option=orjson.OPT_INDENT_2)
            )
    console.print(
        f"Vectors of the first {options.embedded} texts and of planted answers are the model's, the others mixtures "
        f"of them. Load average {os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores."
    )


def _grow(writer: Writer, folder: Path, sizes: Sequence[int], embedded: int) -> Iterator[Stage]:
    library = Library.create(folder / "index", MixingEmbedder(open_embedder(), embedded))
    facts = planted()
    held = 0
    for size in sizes:
        documents = range(held // PARAGRAPHS, size // PARAGRAPHS)
        start = perf_counter()
        _add(library, writer, documents, facts if not held else ())
        held = size
        ingested = perf_counter()
        library.refresh()
        published = perf_counter()
        disk = _megabytes(folder / "index" / "snapshots")
        added = library.add(_ADDED.encode(), "addendum.md")
        addition = perf_counter() - published
        library.remove(added.document.id)
        yield Stage(
            ingested - start,
            published - ingested,
            _megabytes(folder) - disk,
            disk,
            addition,
            _ask_apart(folder / "index"),
        )
    library.close()


def _add(library: Library, writer: Writer, documents: range, facts: Sequence[Planted]) -> None:
    held = spread(facts, len(documents))
    sources = [_source(writer, number, mine) for number, (_, mine) in zip(documents, held, strict=True)]
    for _ in library.add_all(sources):
        pass


def _source(writer: Writer, number: int, facts: Sequence[Planted]) -> Source:
    return Source(
        f"report-{number}.md", f"report-{number}", 1, lambda: writer.document(number, facts).encode()
    )


def _ask_apart(index: Path) -> Asked:
    run = subprocess.run(
        [sys.executable, "-m", "eval.growth", "--ask", str(index)], check=True, capture_output=True
    )
    return Asked(**orjson.loads(run.stdout))


def ask(index: Path) -> Asked:
    """Open an index, ask for what was planted in it, and say how that went."""
    from service.bootstrap import make_answerer

    embedder = open_embedder()
    start = perf_counter()
    library = Library.open(index, embedder)
    opened = perf_counter() - start
    answerer = make_answerer(library)
    answerer.answer("What is warm by now?")
    times, searches, found, recalls = [], [], 0, []
    vectors = library.snapshot().vectors
    for fact in planted():
        answer = answerer.answer(fact.question)
        times.append(answer.timings_ms.total)
        searches.append(answer.timings_ms.search)
        found += any(fact.sentence in citation.cited_text for citation in answer.citations)
        question = embedder.embed_question(fact.question)
        nearest, _ = vectors.search(question, 10, exact=True)
        recalls.append(np.isin(nearest, vectors.search(question, 10)[0]).mean())
    p50, p99 = np.percentile(times, [50, 99])
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    snapshot = library.snapshot()
    return Asked(
        snapshot.passage_count,
        list(snapshot.manifest.searches),
        opened,
        float(p50),
        float(p99),
        float(np.median(searches)),
        peak,
        found,
        float(np.mean(recalls)),
    )


def _table(stages: Sequence[Stage]) -> Table:
    table = Table(
        "passages",
        "ingest s",
        "publish s",
        "store MB",
        "snapshot MB",
        "one more s",
        "opens s",
        "p50 / p99 ms",
        "search ms",
        "peak MB",
        "planted",
        "recall@10",
    )
    for stage in stages:
        asked = stage.asked
        table.add_row(
            f"{asked.passages:,}",
            f"{stage.ingest_seconds:.0f}",
            f"{stage.publish_seconds:.1f}",
            f"{stage.store_megabytes:.0f}",
            f"{stage.snapshot_megabytes:.0f}",
            f"{stage.addition_seconds:.2f}",
            f"{asked.opened_seconds:.2f}",
            f"{asked.p50:.1f} / {asked.p99:.1f}",
            f"{asked.search_p50:.1f}",
            f"{asked.peak_megabytes:.0f}",
            f"{asked.planted_found}/{len(planted())}",
            f"{asked.recall:.4f}",
        )
    return table


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()

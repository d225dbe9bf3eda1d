"""Measure what the plan assumes: bytes a passage, the engine's own code at some sizes, one worker beside two.

python -m tools.measure_cluster                 all of it
python -m tools.measure_cluster engine 1e4 1e5  the engine's code at these sizes (qdrant-edge, random vectors)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from index.cluster_engine import Address
from index.cluster_library import ClusterLibrary
from index.cluster_queue import Queue
from index.embedding import open_embedder
from service.planning import Assumptions, database_bytes, engine_disk_bytes

ROOT = Path(__file__).resolve().parent.parent
TEXTS = 24
QUERIES = 50


def measure_engine(points: int) -> None:
    """Print rate, size and answer time of the engine's code, in this process, for so many passages."""
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeShard,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        Modifier,
        Point,
        Query,
        QueryRequest,
        SparseVector,
        UpdateOperation,
        VectorStorageDatatype,
    )

    assumed = Assumptions()
    rng = np.random.default_rng(1)
    config = EdgeConfig(
        vectors={
            "dense": EdgeVectorParams(
                size=int(assumed.dimension),
                distance=Distance.Dot,
                on_disk=True,
                datatype=VectorStorageDatatype.Float16,
            )
        },
        sparse_vectors={"words": EdgeSparseVectorParams(modifier=Modifier.Idf)},
    )
    with tempfile.TemporaryDirectory() as folder:
        shard = EdgeShard.create(folder, config)
        started = time.perf_counter()
        for first in range(0, points, 500):
            shard.update(
                UpdateOperation.upsert_points(
                    _points(rng, first, min(500, points - first), Point, SparseVector)
                )
            )
        filled = time.perf_counter() - started
        shard.optimize()
        optimised = time.perf_counter() - started
        shard.flush()
        times = []
        for _ in range(QUERIES):
            vector = _unit(rng, 1)[0].tolist()
            began = time.perf_counter()
            found = shard.query(QueryRequest(limit=200, query=Query.Nearest(vector, using="dense")))
            times.append(time.perf_counter() - began)
            assert len(found) == 200, f"{len(found)} of 200 were found"
        shard.close()
        size = sum(
            path.stat().st_blocks * 512
            for path in Path(folder).rglob("*")
            if path.is_file() and "wal" not in path.parts
        )
    one = Assumptions.with_values(["replicas=1"])
    print(
        f"engine, {points:,} points: {points / filled:,.0f} a second put, {points / optimised:,.0f} with its graph; "
        f"{size / points:,.0f} bytes of disk a point without its log (the plan says {engine_disk_bytes(1, one):,.0f}); "
        f"200 nearest in {np.median(times) * 1000:.1f} ms (median of {QUERIES})"
    )


def measure_workers(engine: str, server: object) -> None:
    """Print the time that one and two worker processes need for the same documents, and the bytes a passage."""
    for workers in (1, 2):
        database = server.database()  # type: ignore[attr-defined]
        library = ClusterLibrary.open(
            Address.parse(f"{engine}?collection=measured{workers}"), database, open_embedder(), create=True
        )
        queue = Queue(library.store.database)
        for number in range(TEXTS):
            queue.add(_text(number).encode(), f"{number}.md", f"{number}.md")
        started = time.perf_counter()
        environment = {
            **os.environ,
            "PINCITE_INDEX": f"{engine}?collection=measured{workers}",
            "PINCITE_DATABASE": database,
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", "from service.cli import main; main()", "worker", "--until-empty"]
        running = [
            subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
            for _ in range(workers)
        ]
        for process in running:
            process.wait()
        seconds = time.perf_counter() - started
        passages = library.snapshot().passage_count
        print(
            f"{workers} worker processes: {len(library.documents())} documents, {passages:,} passages in {seconds:.1f} s: "
            f"{passages / seconds:.1f} passages a second (starting included)"
        )
        if workers == 1:
            print_sizes(library)
        library.close()


def print_sizes(library: ClusterLibrary) -> None:
    """Print the bytes a passage that PostgreSQL takes beside what the plan says for such passages."""
    rows = library.store.database.rows
    rows("SELECT 1 FROM passages LIMIT 1")
    ((size,),) = rows(
        "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'pincite' AND c.relname IN ('passages', 'documents', 'words')"
    )
    ((passages, words, sentences),) = rows("SELECT passages, passage_words, sentences FROM state")
    ((text,),) = rows("SELECT sum(length(source) + length(reading)) FROM documents")
    measured = Assumptions.with_values(
        [f"sentences={sentences / passages}", f"words={words / passages}", f"text_bytes={text / passages}"]
    )
    print(
        f"PostgreSQL: {size / passages:,.0f} bytes a passage (the plan says {database_bytes(1, measured):,.0f}); "
        f"{sentences / passages:.1f} sentences, {words / passages:.0f} words, {text / passages:,.0f} bytes of text each"
    )


def _text(number: int) -> str:
    source = (ROOT / "documents" / "handbook.md").read_text(encoding="utf-8")
    return f"# Copy {number}\n\n" + source.replace(". ", f" in {number}. ")


def _unit(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.standard_normal((count, int(Assumptions().dimension))).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _points(rng: np.random.Generator, first: int, count: int, point: type, sparse: type) -> list[object]:
    words = rng.zipf(1.3, (count, int(Assumptions().distinct_words))) % 1_000_000
    made = []
    for number, vector in enumerate(_unit(rng, count)):
        codes = np.unique(words[number]).tolist()
        payload = {"document": f"{(first + number) // 80:016x}", "version": (first + number) // 80}
        vectors = {"dense": vector.tolist(), "words": sparse(codes, [1.0] * len(codes))}
        made.append(point(first + number, vectors, payload))
    return made


def main(arguments: list[str]) -> None:
    """Measure what the arguments name."""
    if arguments[:1] != ["engine"]:
        sys.path.insert(0, str(ROOT / "tests"))
        from cluster_parts import running_engine
        from postgres import running_postgres

        with running_postgres() as server, running_engine() as port:
            measure_workers(f"qdrant://127.0.0.1:{port}", server)
    for size in arguments[1:] or ["1e4"]:
        measure_engine(int(float(size)))


if __name__ == "__main__":
    main(sys.argv[1:])

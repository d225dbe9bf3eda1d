"""Kill ingest workers at random moments, and count what was lost or doubled.

Two `pincite worker` processes share a queue; as soon as one has documents on lease it is killed after a random
pause, and another started in its place, until that was done often enough. The last ones finish the work.

    python -m tools.kill_workers KILLS [SEED]

PostgreSQL is a real server in a temporary folder; the engine is the stand-in of tools/qdrant_standin.py.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from index.cluster_database import Database
from index.cluster_engine import Address
from index.cluster_library import ClusterLibrary
from index.cluster_queue import Queue
from index.embedding import open_embedder

ROOT = Path(__file__).resolve().parent.parent
LEASE = 2
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Kills made (of them: with a document on lease), documents lost and doubled, stray points in the engine."""

    kills: int
    while_working: int
    documents: int
    lost: int
    doubled: int
    strays: int


def documents(number: int) -> dict[str, bytes]:
    """Return small documents, each with a text of its own."""
    return {
        f"{n}.md": (
            f"# Log {n}\n\n"
            + " ".join(f"On day {day} station {n} saw {n * day} ships." for day in range(1, 6))
        ).encode()
        for n in range(number)
    }


def kill_workers(engine: str, database: str, *, kills: int, seed: int) -> Outcome:
    """Do it on an empty database, and return what came of it."""
    chance = random.Random(seed)
    library = ClusterLibrary.open(Address.parse(engine), database, open_embedder(), create=True)
    try:
        queue = Queue(library.store.database)
        texts = documents(max(10, 2 * kills))
        for name, data in texts.items():
            queue.add(data, name, name)
        started: list[subprocess.Popen[bytes]] = [_worker(engine, database) for _ in range(WORKERS)]
        made = working = 0
        added = len(texts)
        try:
            while made < kills:
                if _left(queue) < 2 * WORKERS:  # more to do, so that there is something to kill
                    more = {f"more{added + n}.md": f"Note {added + n} says {n}.".encode() for n in range(10)}
                    added += len(more)
                    texts |= more
                    for name, data in more.items():
                        queue.add(data, name, name)
                victim = chance.randrange(WORKERS)
                busy = _wait_until_busy(library.store.database, started[victim].pid)
                time.sleep(chance.uniform(0, 0.15))
                started[victim].kill()
                started[victim].wait()
                made += 1
                working += busy
                started[victim] = _worker(engine, database)
            for process in started:
                process.wait()
        finally:
            for process in started:
                process.kill()
                process.wait()
        return _outcome(library, texts, made, working)
    finally:
        library.close()


def _worker(engine: str, database: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PINCITE_INDEX": engine, "PINCITE_DATABASE": database}
    command = [
        sys.executable,
        "-c",
        "from service.cli import main; main()",
        "worker",
        "--until-empty",
        "--lease",
    ]
    return subprocess.Popen(
        [*command, str(LEASE)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_until_busy(database: Database, process: int) -> bool:
    """Wait until a worker has a document on lease, which starting it takes seconds for."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if database.rows(
            "SELECT 1 FROM jobs WHERE worker LIKE %s AND leased_until > now()", (f"%-{process}-%",)
        ):
            return True
        time.sleep(0.01)
    return False


def _left(queue: Queue) -> int:
    counts = queue.counts()
    return counts.waiting + counts.leased


def _outcome(library: ClusterLibrary, texts: dict[str, bytes], kills: int, working: int) -> Outcome:
    library.refresh()
    held = Counter(library.reread(record.id).source.encode() for record in library.documents())
    strays = library.store.engine.ids() ^ library.store.passage_ids()
    return Outcome(
        kills,
        working,
        len(texts),
        sum(held[data] == 0 for data in texts.values()),
        sum(count - 1 for count in held.values()),
        len(strays),
    )


def main(kills: int, seed: int) -> int:
    """Print the outcome; 1 if anything was lost or doubled."""
    sys.path.insert(0, str(ROOT / "tests"))
    from cluster_parts import running_engine
    from postgres import running_postgres

    with running_postgres() as server, running_engine() as port:
        outcome = kill_workers(f"qdrant://127.0.0.1:{port}", server.database(), kills=kills, seed=seed)
    print(
        f"{outcome.kills} workers killed, {outcome.while_working} of them with a document on lease; of "
        f"{outcome.documents} documents {outcome.lost} lost, {outcome.doubled} doubled; {outcome.strays} stray points"
    )
    return 1 if outcome.lost or outcome.doubled or outcome.strays else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))

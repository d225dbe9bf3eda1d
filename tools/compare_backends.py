"""Ask both backends the tune questions about the paper and the handbook, and count equal citations.

    python -m tools.compare_backends

The cluster's index is not made anew but moved there from the embedded one, as `pincite migrate` does it. The
engine is qdrant-client's local mode, or the server that PINCITE_TEST_QDRANT_URL names; PostgreSQL is real.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import orjson

from index.cluster_engine import Address
from index.cluster_library import ClusterLibrary
from index.embedding import open_embedder
from index.library import Library
from index.reader import Reader
from service.answering import Answerer
from service.migrating import migrate
from service.types import Answer

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {
    "north-american-footprint": ROOT.parent / "shared" / "corpus" / "north-american-footprint.txt",
    "handbook": ROOT / "documents" / "handbook.md",
}


def main() -> int:
    """Print a line a document; 1 where citations differ."""
    sys.path.insert(0, str(ROOT / "tests"))
    from postgres import running_postgres

    embedder, reader = open_embedder(), Reader.open()
    engine = Address.parse(os.environ.get("PINCITE_TEST_QDRANT_URL", "qdrant://memory"))
    different = 0
    with running_postgres() as server, tempfile.TemporaryDirectory() as folder:
        for name, path in DOCUMENTS.items():
            if not path.exists():
                print(f"{name}: {path.name} is not here")
                continue
            embedded = Library.create(Path(folder) / name, embedder)
            embedded.add(path.read_bytes(), path.name)
            cluster = ClusterLibrary.open(engine, server.database(), embedder, create=True)
            moved = migrate(embedded, cluster, lambda *_: None)
            strays = cluster.store.engine.ids() ^ cluster.store.passage_ids()
            print(
                f"{name}: {moved.passages} passages moved, {len(strays)} ids differ between engine and database"
            )
            answerers = [Answerer(library, reader=reader) for library in (embedded, cluster)]
            questions = _tune(name)
            equal = [
                _shown(answerers[0].answer(each)) == _shown(answerers[1].answer(each)) for each in questions
            ]
            print(f"{name}: {sum(equal)} of {len(equal)} tune questions have the same status and citations")
            different += equal.count(False)
            embedded.close()
            cluster.close()
    return 1 if different else 0


def _tune(name: str) -> list[str]:
    lines = (ROOT / "eval" / "questions" / f"{name}.jsonl").read_bytes().splitlines()
    return [line["question"] for line in map(orjson.loads, lines) if line["split"] == "tune"]


def _shown(answer: Answer) -> object:
    return answer.status, [(each.document_id, each.spans, each.source_quality) for each in answer.citations]


if __name__ == "__main__":
    sys.exit(main())

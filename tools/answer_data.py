"""Questions with known evidence, each asked of the documents it belongs to: what the answers are fitted on.

The `tune` halves of the two question sets, and the shared halves of ClapNQ and of the chunking evaluation. Never
a `test` half. Runs from the repository's root, with `../shared` beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from eval.benchmarks import _places  # noqa: E402
from eval.extents import Extent  # noqa: E402
from eval.questions import Fact, Question, load_questions  # noqa: E402
from eval.quotes import Source  # noqa: E402
from index.library import Library  # noqa: E402
from index.types import Embedder  # noqa: E402

SHARED = ROOT.parent / "shared"
PAPER = SHARED / "corpus" / "north-american-footprint.txt"
HANDBOOK = ROOT / "documents" / "handbook.md"
SETS = ROOT / "eval" / "questions"
CHUNKING = SHARED / "benchmarks" / "chunking-evaluation"
CLAPNQ = SHARED / "benchmarks" / "clapnq" / "questions.jsonl"


@dataclass(frozen=True)
class Asked:
    """One library and the questions asked of it."""

    name: str
    library: Library
    questions: tuple[Question, ...]


def sources(folder: Path, embedder: Embedder) -> Iterator[Asked]:
    """Yield every source in turn; its index stands in `folder` and is made where it is not there yet."""
    for name, path in (("paper", PAPER), ("handbook", HANDBOOK)):
        library = _library(folder / name, embedder, [(path.name, path.read_bytes())])
        questions = load_questions(SETS / f"{path.stem}.jsonl", [Source.read(path)], "tune")
        yield Asked(name, library, questions)
    yield clapnq(folder / "clapnq", embedder)
    yield from _chunking(folder, embedder)


def _library(folder: Path, embedder: Embedder, documents: list[tuple[str, bytes]]) -> Library:
    library = Library.create(folder, embedder)
    for name, data in documents:
        library.add(data, name, publishing=False)
    library.refresh()
    return library


def clapnq(folder: Path, embedder: Embedder) -> Asked:
    """Return the shared half of ClapNQ, all its passages in one library; `note` is the hash of the right one."""
    rows = _lines(CLAPNQ)
    library = Library.create(folder, embedder)
    questions = []
    for row in rows:
        name = f"{row['title'].replace('/', ' ').strip() or row['id']}.txt"
        document = library.add(row["passage"].encode(), name, publishing=False).document
        facts: tuple[Fact, ...] = ()
        if row["answerable"]:
            stored = library.document(document.id)
            places = dict(zip(row["sentences"], _places(row["sentences"], stored.source), strict=True))
            ways = tuple(
                Extent.of((document.sha256, *places[s]) for s in selected if s in places)
                for selected in row["selected"]
            )
            facts = (Fact("", ways),)
        questions.append(
            Question(row["id"], "clapnq", "tune", row["question"], facts, Extent(), note=document.sha256)
        )
    library.refresh()
    return Asked("clapnq", library, tuple(questions))


def _chunking(folder: Path, embedder: Embedder) -> Iterator[Asked]:
    """Each corpus with its own questions, and those about the other one as far ones."""
    rows = _lines(CHUNKING / "questions.jsonl")
    for corpus in ("state_of_the_union", "wikitexts"):
        data = (CHUNKING / f"{corpus}.md").read_bytes()
        library = _library(folder / corpus, embedder, [(f"{corpus}.md", data)])
        sha256 = library.documents()[0].sha256
        questions = []
        for at, row in enumerate(rows):
            facts = tuple(
                Fact("", (Extent.of([(sha256, span["start"], span["end"])]),))
                for span in row["references"]
                if row["corpus"] == corpus
            )
            kind = "chunking" if facts else "far"
            questions.append(Question(f"{corpus}-{at}", kind, "tune", row["question"], facts, Extent()))
        yield Asked(f"chunking: {corpus}", library, tuple(questions))


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

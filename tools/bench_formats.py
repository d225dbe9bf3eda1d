"""Print how PDF files are read: speed, what became of their lines, and whether questions find their page.

    python tools/bench_formats.py ../shared/benchmarks/financebench

The folder holds PDF files and `questions.jsonl`: one question a line, with its `file` and its `evidence`, each
of which names a `page_index` from 0. A question counts if one of the first five passages of all the files
stands on a page of evidence.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from index.embedding import open_embedder
from index.library import Library
from index.search import rank
from ingest.content import Limits
from ingest.pdf import read_pdf

FIRST = 5


def main(folder: Path) -> None:
    files = sorted(folder.glob("*.pdf"))
    for path in files:
        print_reading(path)
    with tempfile.TemporaryDirectory() as temporary:
        library = Library.create(Path(temporary) / "index", open_embedder())
        ids = {
            path.name: library.add(path.read_bytes(), path.name, publishing=False).document.id
            for path in files
        }
        library.refresh()
        print_pages(library, ids, folder / "questions.jsonl")
        library.close()


def print_reading(path: Path) -> None:
    data = path.read_bytes()
    started = time.process_time()
    content = read_pdf(data, path.name, Limits())
    seconds = time.process_time() - started
    assert content.boxes is not None
    pages = len(content.boxes.sizes)
    kinds = ", ".join(
        f"{count} {kind}" for kind, count in Counter(b.kind for b in content.blocks).most_common()
    )
    print(f"{path.name}: {pages} pages, {pages / seconds:.0f} pages/s of one core; {kinds}")
    print(f"  boxes: {len(content.boxes.words)} words in {len(content.boxes.to_bytes())} bytes")
    for text, count in Counter(
        block.text for block in content.blocks if block.kind == "furniture"
    ).most_common(5):
        print(f"  furniture: {count} x {text!r}")


def print_pages(library: Library, ids: dict[str, str], questions: Path) -> None:
    snapshot = library.snapshot()
    found = 0
    rows = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        wanted = {evidence["page_index"] + 1 for evidence in row["evidence"]}
        ranking = rank(snapshot, row["question"], library.embedder.embed_question(row["question"]))
        places = [place(library, snapshot, int(passage)) for passage in ranking.passage_rows[:FIRST]]
        hit = any(document == ids[row["file"]] and pages & wanted for document, pages in places)
        found += hit
        shown = [f"p{min(pages)}" if document == ids[row["file"]] else "other" for document, pages in places]
        print(f"{'found ' if hit else 'missed'} page {sorted(wanted)} in {shown}: {row['question'][:90]}")
    print(f"evidence page among the first {FIRST} passages: {found} of {len(rows)}")


def place(library: Library, snapshot: object, row: int) -> tuple[str, set[int]]:
    """Return the document of a passage and the pages it stands on."""
    number, _, start, end, _ = (int(value) for value in snapshot.passages[row])  # type: ignore[attr-defined]
    document = snapshot.documents[number]  # type: ignore[attr-defined]
    reading = library.document(document).reading
    pages = {s.page for s in reading.sections if s.page and s.start < end and s.end > start}
    return document, pages


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Snapshot files damaged at random places, and what an index opened on them answers."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from tiny import TinyEmbedder

from index.library import Library
from index.search import rank

_TEXTS = [f"# Note {i}\n\nTea number {i} is from China. Bees like flower {i}.".encode() for i in range(40)]


def _answers(library: Library) -> list[Any]:
    snapshot = library.snapshot()
    found = []
    for question in ("tea from China", "what flower 7", "number 31"):
        ranking = rank(snapshot, question, TinyEmbedder().embed_question(question))
        found.append([ranking.sentence_rows.tolist(), ranking.sentence_scores.tolist()])
    return found


def damaged_and_opened(work: Path, damage: str, trials: int) -> tuple[int, int]:
    """Damage one file after another, each in a copy of the folder. Returns the trials and how many answered otherwise."""
    base = work / "base"
    library = Library.create(base, TinyEmbedder())
    for text in _TEXTS:
        library.add(text, "note.md", publishing=False)
    library.refresh()
    expected = _answers(library)
    library.close()
    chance = random.Random(7)
    failures = 0
    for trial in range(trials):
        copy = work / f"copy-{trial}"
        shutil.copytree(base, copy)
        files = [p for p in sorted((copy / "snapshots").rglob("*")) if p.is_file() and p.stat().st_size]
        victim = chance.choice([p for p in files if p.suffix != ".lock"])
        victim.chmod(0o644)
        _damage(victim, damage, chance)
        opened = Library.open(copy, TinyEmbedder())
        failures += _answers(opened) != expected
        opened.close()
        shutil.rmtree(copy, ignore_errors=True)  # tantivy's threads may still put a lock there
    return trials, failures


def _damage(path: Path, damage: str, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    if damage == "flip":
        data[at] ^= 1 << chance.randrange(8)
    elif damage == "zero":
        stop = min(len(data), at + 4096)
        if not any(data[at:stop]):
            data[at] = 1
        else:
            data[at:stop] = bytes(stop - at)
    else:
        del data[at:]
    path.write_bytes(data)

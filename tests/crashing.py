"""Changes to an index that die half-way, in processes of their own: `python tests/crashing.py FOLDER EVERY`.

A change passes hundreds of points: each stage of reading, each SQL statement, each opening, renaming, linking,
syncing and removing of a file below the index. A child is forked for each EVERY-th of them, is killed there
(SIGKILL to itself), and what it leaves is opened and looked at. Prints a JSON line a trial.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from tiny import TinyEmbedder

from index import build, publishing, store
from index.library import Library
from index.search import rank

_BEES = b"# Bees\n\nBees dance to tell where quenchit flowers are. A hive holds one queen."
_TEA = b"# Tea\n\nGreen tea is steamed. Black obladi tea is oxidised. Tea came from China."
_NEW = b"# Rain\n\nRain falls on wozzle hills.\n\n## Snow\n\nSnow lies on mountains. It melts in spring."
_NEWER = b"# Tea\n\nWhite tea is only dried. Its marzibel leaves are young."
CHANGES: dict[str, Callable[[Library], object]] = {
    "add": lambda library: library.add(_NEW, "rain.md"),
    "replace": lambda library: library.add(_NEWER, "tea.md", origin="tea"),
    "remove": lambda library: library.remove(build.document_id_of("bees")),
}
PLANTED = {"quenchit": _BEES, "obladi": _TEA, "wozzle": _NEW, "marzibel": _NEWER}
_FILE_EVENTS = frozenset(
    "open os.rename os.remove os.rmdir os.mkdir os.link os.chmod shutil.rmtree shutil.copyfile".split()
)


class Points:
    """Counts the points that a change passes, and kills the process at the one numbered `deadly`."""

    def __init__(self, folder: Path, deadly: int) -> None:
        self._folder, self._deadly = str(folder), deadly
        self.names: list[str] = []

    def reach(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Put a point before and after each stage, before each SQL statement and each file operation."""
        for module, function in ((build, "read_document"), (build, "repair"), (build, "chunk")):
            setattr(module, function, self._around(function, getattr(module, function)))
        TinyEmbedder.embed_passages = self._around("embed", TinyEmbedder.embed_passages)  # type: ignore[method-assign]
        publishing._sync = self._around("sync", publishing._sync)
        connect = store._connect

        def watched(path: Path) -> sqlite3.Connection:
            connection = connect(path)
            connection.set_trace_callback(lambda sql: self.reach(f"sql {sql.split()[0]}"))
            return connection

        store._connect = watched
        sys.addaudithook(self._audit)

    def _around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def pointed(*args: Any, **kwargs: Any) -> Any:
            self.reach(f"before {name}")
            result = function(*args, **kwargs)
            self.reach(f"after {name}")
            return result

        return pointed

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FILE_EVENTS and str(arguments[0]).startswith(self._folder):
            self.reach(event)


def state(folder: Path) -> dict[str, Any]:
    """Open an index as a restarted service does, and return what each part of it holds."""
    library = Library.open(folder, TinyEmbedder())
    snapshot = library.snapshot()
    alive = [name for name in snapshot.documents if name]
    in_passages = sorted({row.document_id for row in library.passages()})
    in_vectors = sorted({snapshot.documents[n] for n in snapshot.passages[:, 0].tolist()} - {""})
    in_words = set()
    for number, name in enumerate(snapshot.documents):
        if name and len(snapshot.passage_words.search(["tea", "bee", "rain"], 50, [number])[0]):
            in_words.add(name)
    found = {}
    for word in PLANTED:
        rows, _ = snapshot.passage_words.search([word], 5)
        found[word] = [snapshot.documents[snapshot.passages[row, 0]] for row in rows.tolist()]
    ranking = rank(snapshot, "tea", TinyEmbedder().embed_question("tea"))
    for row in ranking.sentence_rows.tolist():
        parent, start, end, _ = snapshot.sentences[row].tolist()
        library.document(snapshot.documents[snapshot.passages[parent, 0]]).reading.text[start:end]
    ids = sorted(record.id for record in library.documents())
    library.close()
    agree = ids == in_passages == in_vectors == sorted(alive) == sorted(in_words)
    left = sorted(p.name for p in (folder / "snapshots").iterdir())
    return {
        "fingerprint": snapshot.fingerprint,
        "agree": agree,
        "found": found,
        "ids": ids,
        "left": len(left),
    }


def forked(work: Callable[[], object]) -> tuple[bool, Any]:
    """Run `work` in a forked child. Returns whether it was killed, and what it returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        code = 1
        try:
            with os.fdopen(write, "wb") as pipe:
                pipe.write(orjson.dumps(work()))
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, f"the child ended with {status}"
    return killed, orjson.loads(answer) if answer else None


def changed(folder: Path, change: str, deadly: int) -> list[str]:
    """Make a change and die at a point of it. Returns the points' names where it was not deadly."""
    points = Points(folder, deadly)
    points.watch()
    library = Library.open(folder, TinyEmbedder())
    CHANGES[change](library)
    library.close()
    return points.names


def _base(folder: Path) -> dict[str, Any]:
    library = Library.create(folder, TinyEmbedder())
    library.add(_BEES, "bees.md", origin="bees")
    library.add(_TEA, "tea.md", origin="tea")
    library.close()
    return state(folder)


def main(work: Path, every: int) -> None:
    """Try each change at every `every`-th point."""
    base, trial = work / "base", work / "trial"
    _, before = forked(lambda: _base(base))
    for change in CHANGES:
        shutil.copytree(base, trial)
        _, names = forked(partial(changed, trial, change, 0))
        _, after = forked(lambda: state(trial))
        shutil.rmtree(trial)
        for deadly in range(1, len(names) + 1, every):
            shutil.copytree(base, trial)
            killed, _ = forked(partial(changed, trial, change, deadly))
            _, found = forked(lambda: state(trial))
            whole = [w["fingerprint"] for w in (before, after)].count(found["fingerprint"]) == 1
            lines = {
                "change": change,
                "point": names[deadly - 1],
                "killed": killed,
                "whole": whole and found["found"] in (before["found"], after["found"]),
                "agree": found["agree"],
                "left": found["left"],
            }
            print(orjson.dumps(lines).decode(), flush=True)
            shutil.rmtree(trial, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

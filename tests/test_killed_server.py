"""A real server killed while documents come and go: what it acknowledged is there when it is back."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from conftest import Tally
from tiny import TinyEmbedder

from index.library import Library
from index.store import stored_model
from service.bootstrap import open_library
from service.settings import Settings

_WORDS = "river stone market harbour treaty engine winter letter garden copper signal valley".split()


@dataclass
class Acknowledged:
    """What clients were told. `unsure` holds the ids of requests that were never answered."""

    present: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)


@contextmanager
def server(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `pincite serve` on the index in `folder`; it is killed at the end, unless it is dead already."""
    command = [sys.executable, "-c", "from service.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "serve", "--index", str(folder), "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        said = ""
        while (found := re.search(r"http://\S+:\d+", said)) is None:
            line = process.stderr.readline().decode()
            assert line, f"it did not start: {said}"
            said += line
        yield process, found.group()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def change(url: str, known: Acknowledged, chance: random.Random, names: Iterator[int]) -> None:
    """Add documents, and now and then remove one, until the server is gone."""
    with httpx.Client(base_url=url, timeout=30) as client:
        while True:
            victim = chance.choice(sorted(known.present)) if known.present and chance.random() < 0.3 else ""
            try:
                if victim:
                    word = known.present.pop(victim)
                    known.unsure.add(victim)
                    client.delete(f"/v1/documents/{victim}").raise_for_status()
                    known.unsure.discard(victim)
                    known.removed.add(victim)
                else:
                    word = f"zq{next(names)}x"
                    text = f"# Note {word}\n\nThe {word} {' '.join(chance.choices(_WORDS, k=30))}."
                    sent = client.post("/v1/documents", json={"title": f"{word}.md", "text": text})
                    known.present[sent.raise_for_status().json()["document_id"]] = word
            except httpx.TransportError:
                return


def lost(url: str, known: Acknowledged) -> list[str]:
    """Return which acknowledged changes the restarted server does not know of."""
    with httpx.Client(base_url=url, timeout=30) as client:
        listed = {each["document_id"] for each in client.get("/v1/documents").json()["documents"]}
        wrong = [f"{each} is not listed" for each in known.present.keys() - listed]
        wrong += [f"{each} is back" for each in known.removed & listed]
        for document_id, word in known.present.items():
            body = {"question": f"What about {word}?", "top_k": 10, "document_ids": [document_id]}
            found = client.post("/v1/search", json=body)
            if found.status_code != 200 or not any(word in p["text"] for p in found.json()["passages"]):
                wrong.append(f"{word} is not found: {found.text[:300]}")
        return wrong


def torn(folder: Path) -> bool:
    """Say whether text, vectors and BM25 disagree about which documents there are."""
    library = Library.open(folder, TinyEmbedder(stored_model(folder) or "", 384))
    try:
        snapshot = library.snapshot()
        ids = {record.id for record in library.documents()}
        stored = {row.document_id for row in library.passages()}
        vectors = {snapshot.documents[n] for n in set(snapshot.passages[:, 0].tolist())} - {""}
        rows, _ = snapshot.passage_words.search(["note"], len(snapshot.passages) + 1)
        words = {snapshot.documents[snapshot.passages[row, 0]] for row in rows.tolist()}
        return not ids == stored == vectors == words == {name for name in snapshot.documents if name}
    finally:
        library.close()


def test_row_43_an_acknowledged_change_survives_kill_9(tmp_path: Path, tally: Tally) -> None:
    folder = tmp_path / "index"
    open_library(Settings(index=folder), create=True).close()
    chance, names, known = random.Random(11), iter(range(10**9)), Acknowledged()
    kills = 3 * tally.times
    failures = 0
    for kill in range(kills + 1):
        with server(folder) as (process, url):
            wrong = lost(url, known) + (["the parts disagree"] if torn(folder) else [])
            failures += len(wrong)
            print(f"{kill} of {kills} kills, {failures} failures", *wrong)
            if kill == kills:
                break
            client = threading.Thread(target=change, args=(url, known, chance, names))
            client.start()
            time.sleep(chance.uniform(0.05, 1.2))
            process.kill()
            client.join()
        if len(known.present) > 60:
            known = Acknowledged()
            folder = tmp_path / f"index-{kill}"
            open_library(Settings(index=folder), create=True).close()
    tally.keep("what a server acknowledged survives kill -9, and nothing is half there", kills, failures)

"""Writers, readers and signals at once: nothing is torn, nobody is answered with a fault of the service."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from serving import served
from test_killed_server import server, torn

from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.bootstrap import open_library
from service.refusal import Refusal
from service.settings import Settings

NOTE = "# Note {0}\n\nThe word{0} stands in this note. Tea number {0} came from China in spring."
QUESTIONS = ("Where does tea come from?", "What stands in this note?", "When did tea number 7 come?")


def test_row_11_a_long_address_is_no_fault(library: Library) -> None:
    app = create_app(Answerer(library), Settings())
    with served(app) as url, httpx.Client(timeout=30) as client:
        for path in ("/v1/documents/" + "x" * 60_000, "/?q=" + "y" * 60_000):
            assert client.get(url + path).status_code in {400, 404, 414, 422}
        assert client.get(url + "/healthz").status_code == 200


def test_row_45_two_processes_take_turns(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    open_library(Settings(index=folder), create=True).close()
    writers = []
    for name in ("left", "right"):
        notes = tmp_path / name
        notes.mkdir()
        for i in range(12):
            (notes / f"{i}.md").write_text(NOTE.format(f"{name}{i}"), "utf-8")
        command = [sys.executable, "-c", "from service.cli import main; main()", "ingest", str(notes)]
        writers.append(subprocess.Popen([*command, "--index", str(folder)], stderr=subprocess.PIPE))
    said = [writer.communicate()[1].decode() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], said
    library = open_library(Settings(index=folder))
    assert len(library.documents()) == 24
    library.close()
    assert not torn(folder)


def test_row_46_readers_ask_while_documents_come_and_go(library: Library) -> None:
    for i in range(30):
        library.add(NOTE.format(i).encode(), f"{i}.md", publishing=False)
    library.refresh()
    app = create_app(Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0)), Settings())
    done = threading.Event()

    def ask(number: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        with httpx.Client(base_url=url, timeout=60) as client:
            while not done.is_set() or not seen:
                body = {"question": QUESTIONS[number % len(QUESTIONS)], "top_k": 1 + number % 5}
                answer = client.post("/v1/ask", json=body)
                seen[answer.status_code] += 1
                for cited in answer.json().get("citations", []):
                    assert all(span["text"] for span in cited["spans"])
        return seen

    with served(app) as url, ThreadPoolExecutor(20) as readers:
        counts = [readers.submit(ask, number) for number in range(20)]
        with httpx.Client(base_url=url, timeout=60) as writer:
            for i in range(100, 112):
                added = writer.post("/v1/documents", json={"title": f"{i}.md", "text": NOTE.format(i)})
                assert added.status_code == 201
                if i % 2:
                    gone = writer.delete(f"/v1/documents/{added.json()['document_id']}")
                    assert gone.status_code == 204
        done.set()
        total: Counter[int] = sum((count.result() for count in counts), Counter())
    assert {status for status in total if status >= 500} <= {503}
    assert total[200] >= 20
    assert len(library.documents()) == 36


def test_row_48_a_server_told_to_stop_finishes_what_it_was_asked(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    library = open_library(Settings(index=folder), create=True)
    for i in range(20):
        library.add(NOTE.format(i).encode(), f"{i}.md", publishing=False)
    library.refresh()
    library.close()
    text = "# Long\n\n" + "\n\n".join(NOTE.format(i) for i in range(400))
    with server(folder) as (process, url), ThreadPoolExecutor(1) as clients:
        received = threading.Event()

        def body() -> Iterator[bytes]:
            yield json.dumps({"title": "long.md", "text": text}).encode()
            received.set()

        headers = {"content-type": "application/json"}
        sent = clients.submit(httpx.post, f"{url}/v1/documents", content=body(), headers=headers, timeout=120)
        assert received.wait(60)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        answer = sent.result()
        assert answer.status_code in {201, 202}, answer.text
        assert process.wait(timeout=60) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz")
    library = open_library(Settings(index=folder))
    assert answer.status_code == 202 or len(library.documents()) == 21
    library.close()

"""Many clients at once: the short form of `make load`, and a new generation published while questions run."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import httpx
from serving import served
from test_cli import run as pincite
from test_cli import serving

from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.settings import Settings
from tools.mixed_load import MIX, run


def test_mixed_requests_of_many_clients_get_no_unexpected_status(library: Library, tmp_path: Path) -> None:
    library.add(b"# Guide\n\nThe badge opens the door. The office opens at nine.", "guide.md")
    ledger = Ledger.open(tmp_path / "index")
    with served(create_app(Answerer(library), Settings(log_requests=False), ledger)) as address:
        statuses, unexpected = run(address, requests=200, clients=20)
    ledger.close()
    assert unexpected == []
    assert statuses.total() == 200
    assert len({kind for kind, _ in statuses}) >= len(MIX) - 3


def test_another_process_publishes_while_questions_run(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Guide\n\nThe badge opens the door.")
    (tmp_path / "b.md").write_text("# Zebra\n\nThe zebra crossing is repainted every April.")
    index = tmp_path / "index"
    assert pincite("ingest", tmp_path / "a.md", "--index", index).returncode == 0
    statuses: list[int] = []
    stop = threading.Event()
    with serving(index, PINCITE_LOG_REQUESTS="0") as (address, _):

        def ask() -> None:
            with httpx.Client(base_url=address, timeout=60) as client:
                while not stop.is_set():
                    statuses.append(
                        client.post("/v1/ask", json={"question": "What opens the door?"}).status_code
                    )

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            assert pincite("ingest", tmp_path / "b.md", "--index", index).returncode == 0
            found = httpx.post(
                f"{address}/v1/search", json={"question": "When is the zebra crossing repainted?"}
            )
            assert "April" in found.text, "seen by the next question after the other process is done"
        finally:
            stop.set()
            asking.join()
    assert set(statuses) == {200}


def test_row_48_a_running_request_is_finished_when_the_service_is_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Guide\n\nThe badge opens the door.")
    index = tmp_path / "index"
    assert pincite("ingest", tmp_path / "a.md", "--index", index).returncode == 0
    body = b'{"question": "What opens the door?"}'
    with serving(index) as (address, process):
        host, port = address.removeprefix("http://").split(":")
        running = HTTPConnection(host, int(port), timeout=60)
        running.putrequest("POST", "/v1/ask")
        running.putheader("content-type", "application/json")
        running.putheader("content-length", str(len(body)))
        running.endheaders()
        running.send(body[:10])
        assert httpx.get(f"{address}/healthz").status_code == 200, "the other request has arrived before this"
        process.send_signal(signal.SIGTERM)
        for _ in range(400):
            try:
                httpx.get(f"{address}/healthz")
            except httpx.TransportError:
                break
            time.sleep(0.01)
        else:
            raise AssertionError("it still takes requests")
        running.send(body[10:])
        response = running.getresponse()
        assert (response.status, b"The badge opens the door." in response.read()) == (200, True)
        running.close()
        assert process.wait(timeout=30) == 0


def test_row_45_two_processes_add_documents_at_once(tmp_path: Path) -> None:
    index = tmp_path / "index"
    for name in ("start", "one", "two"):
        (tmp_path / f"{name}.md").write_text(f"# Guide {name}\n\nThe badge of {name} opens the door.")
    assert pincite("ingest", tmp_path / "start.md", "--index", index).returncode == 0
    with ThreadPoolExecutor(2) as pool:
        codes = list(
            pool.map(
                lambda name: pincite("ingest", tmp_path / f"{name}.md", "--index", index).returncode,
                ("one", "two"),
            )
        )
    listed = pincite("documents", "--index", index).stdout
    for name, code in zip(("one", "two"), codes, strict=True):
        assert code in (0, 5)
        assert (f"Guide {name}" in listed) is (code == 0)
    assert pincite("doctor", "--index", index).returncode == 0

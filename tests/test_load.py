"""Many clients at once: the short form of `make load`, and a new generation published while questions run."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
from live import live
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
    with live(create_app(Answerer(library), Settings(log_requests=False), ledger)) as address:
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

"""A disk that is full or may not be written to: said clearly, and what was there answers on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tiny import TinyEmbedder

from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings

TEA = "# Tea\n\nGreen tea is steamed. Black tea is oxidised. Tea came from China."
LONG = "# Long\n\n" + "\n\n".join(f"Paragraph {i} tells of rain number {i * 7919} and hills." for i in range(4000))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def client(disk: Path) -> Iterator[TestClient]:
    library = Library.create(disk / "index", TinyEmbedder())
    library.add(TEA.encode(), "tea.md")
    ledger = Ledger.open(disk / "index")
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))
    with TestClient(create_app(answerer, Settings(), ledger), raise_server_exceptions=False) as client:
        yield client
    ledger.close()
    library.close()


def ask(client: TestClient) -> str:
    answer = client.post("/v1/ask", json={"question": "How is black tea made?"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["answer"])


def test_row_44_a_full_disk_takes_nothing_and_loses_nothing(client: TestClient, disk: Path) -> None:
    before = ask(client)
    refused = client.post("/v1/documents", json={"title": "long.md", "text": LONG})
    assert refused.status_code == 507, refused.text
    assert refused.json()["type"] == "urn:pincite:problem:no_space"
    assert "free" in refused.json()["detail"]
    assert str(disk) not in refused.text
    assert ask(client) == before
    assert [each["title"] for each in client.get("/v1/documents").json()["documents"]] == ["Tea"]
    small = client.post("/v1/documents", json={"title": "rain.md", "text": "Rain falls on hills."})
    assert small.status_code == 201, small.text


def test_row_44_a_disk_without_any_space_answers_and_restarts(client: TestClient, disk: Path) -> None:
    before = ask(client)
    with (disk / "filler").open("wb") as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(bytes(4096))
            filler.flush()
    assert ask(client) == before
    for change in (
        client.post("/v1/documents", json={"title": "rain.md", "text": "Rain falls on hills."}),
        client.delete("/v1/documents/" + client.get("/v1/documents").json()["documents"][0]["document_id"]),
    ):
        assert change.status_code in {507, 204}, change.text
    restarted = Library.open(disk / "index", TinyEmbedder())
    restarted.snapshot()
    restarted.close()
    (disk / "filler").unlink()
    added = client.post("/v1/documents", json={"title": "snow.md", "text": "Snow lies on mountains."})
    assert added.status_code == 201, added.text


def test_a_disk_that_may_not_be_written_to_answers(client: TestClient, disk: Path) -> None:
    before = ask(client)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        assert ask(client) == before
        refused = client.post("/v1/documents", json={"title": "rain.md", "text": "Rain falls on hills."})
        assert refused.status_code == 507, refused.text
        restarted = Library.open(disk / "index", TinyEmbedder())
        assert len(restarted.snapshot().documents) == 1
        restarted.close()
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)

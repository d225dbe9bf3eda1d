"""A disk that is full or may not be written to: said clearly, and what was there answers on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tiny import TinyEmbedder

from index.errors import NoSpaceError
from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings

TEA = "# Tea\n\nGreen tea is steamed. Black tea is oxidised. Tea came from China."
LONG = "# Long\n\n" + "\n\n".join(
    f"Paragraph {i} tells of rain number {i * 7919} and hills." for i in range(4000)
)


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


def titles(client: TestClient) -> list[str]:
    return [each["title"] for each in client.get("/v1/documents").json()["documents"]]


def fill(disk: Path, left: int) -> None:
    """Leave `left` bytes of the disk."""
    free = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - left))


@pytest.mark.parametrize("left", [100_000, 300_000, 500_000, 700_000, 900_000, 1_100_000])
def test_row_44_a_full_disk_takes_nothing_and_loses_nothing(
    client: TestClient, disk: Path, left: int
) -> None:
    before = ask(client)
    fill(disk, left)
    refused = client.post("/v1/documents", json={"title": "long.md", "text": LONG})
    assert refused.status_code == 507, refused.text
    assert refused.json()["type"] == "urn:pincite:problem:no_space"
    assert "free some space" in refused.json()["detail"]
    assert str(disk) not in refused.text
    assert ask(client) == before
    kept = ["Long"] if "the document is kept" in refused.json()["detail"] else []
    assert titles(client) == ["Tea", *kept]
    (disk / "filler").unlink()
    again = client.post("/v1/documents", json={"title": "rain.md", "text": "Rain falls on hills."})
    assert again.status_code == 201, again.text
    assert titles(client) == ["Tea", *kept, "rain"]
    found = client.post("/v1/search", json={"question": "rain number 7919 and hills"}).json()["passages"]
    assert any("rain number 7919 " in each["text"] for each in found) == bool(kept)


def test_row_44_a_disk_without_any_space_answers_and_restarts(client: TestClient, disk: Path) -> None:
    before = ask(client)
    fill(disk, 0)
    assert ask(client) == before
    (tea,) = client.get("/v1/documents").json()["documents"]
    added = client.post("/v1/documents", json={"title": "rain.md", "text": "Rain falls on hills."})
    removed = client.delete(f"/v1/documents/{tea['document_id']}")
    assert (added.status_code, removed.status_code) == (507, 507), (added.text, removed.text)
    restarted = Library.open(disk / "index", TinyEmbedder())
    assert len(restarted.snapshot().documents) == 1
    restarted.close()
    (disk / "filler").unlink()
    again = client.post("/v1/documents", json={"title": "snow.md", "text": "Snow lies on mountains."})
    assert again.status_code == 201, again.text
    assert "Black tea is oxidised." in ask(client)


def test_a_disk_that_may_not_be_written_to_is_named(disk: Path) -> None:
    library = Library.create(disk / "index", TinyEmbedder())
    library.add(TEA.encode(), "tea.md")
    library.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(NoSpaceError, match="cannot be written to"):
        Library.open(disk / "index", TinyEmbedder())
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    opened = Library.open(disk / "index", TinyEmbedder())
    assert opened.document(opened.snapshot().documents[0]).source == TEA
    opened.close()

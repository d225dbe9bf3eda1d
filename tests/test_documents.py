"""Documents over HTTP: taken in at once or as a job, replaced by one writer at a time, gone when removed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from serving import served
from tiny import TinyEmbedder

from index.library import Library
from index.types import Progress, Vectors
from service import schemas
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings

GUIDE = "# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."
LATER = {"prefer": "respond-async"}


class WaitingEmbedder(TinyEmbedder):
    """Embeds passages once it may, and says when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()
        self.together: threading.Barrier | None = None

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.reached.set()
        if self.together is not None:
            self.together.wait(30)
        assert self.may_go_on.wait(30), "nobody let it go on"
        return super().embed_passages(texts, progress)


@pytest.fixture
def embedder() -> WaitingEmbedder:
    return WaitingEmbedder()


@pytest.fixture
def library(tmp_path: Path, embedder: WaitingEmbedder) -> Iterator[Library]:
    opened = Library.create(tmp_path / "index", embedder)
    yield opened
    opened.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture
def answerer(library: Library) -> Answerer:
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


@pytest.fixture
def client(answerer: Answerer, ledger: Ledger) -> Iterator[TestClient]:
    app = create_app(answerer, Settings(job_bytes=1000), ledger)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def finished(client: TestClient, path: str) -> dict[str, Any]:
    for _ in range(3000):
        job: dict[str, Any] = client.get(path).json()
        schemas.JobModel.model_validate(job, strict=True)
        if job["status"] not in ("queued", "running"):
            return job
        threading.Event().wait(0.01)
    raise AssertionError(f"the job does not finish: {job}")


@pytest.mark.parametrize(
    ("text", "headers", "status"),
    [(GUIDE, {}, 201), (GUIDE, LATER, 202), (GUIDE + "\n\nMore." * 200, {}, 202)],
)
def test_large_documents_and_those_that_need_not_be_awaited_are_jobs(
    client: TestClient, text: str, headers: dict[str, str], status: int
) -> None:
    response = client.post("/v1/documents", json={"title": "guide", "text": text}, headers=headers)
    assert response.status_code == status
    if status == 202:
        schemas.JobModel.model_validate(response.json(), strict=True)
        job = finished(client, response.headers["location"])
        assert (job["status"], job["document"]["title"], job["problem"]) == ("done", "Guide", None)
        assert job["done"] == job["total"] > 0
    assert [each["title"] for each in client.get("/v1/documents").json()["documents"]] == ["Guide"]


def test_a_job_that_fails_says_why(client: TestClient) -> None:
    response = client.post("/v1/documents", files={"file": ("a.pdf", b"\x7fELF\x02\x01")}, headers=LATER)
    job = finished(client, response.headers["location"])
    assert (job["status"], job["document"]) == ("failed", None)
    assert (job["problem"]["status"], job["problem"]["type"]) == (415, "urn:pincite:problem:unsupported")
    assert job["problem"]["request_id"] == response.headers["x-request-id"]


def test_a_job_in_which_the_service_fails_gives_nothing_away(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "add", lambda *_, **__: 1 / 0)
    response = client.post("/v1/documents", json={"title": "a", "text": "b"}, headers=LATER)
    job = finished(client, response.headers["location"])
    assert job["problem"]["type"] == "urn:pincite:problem:internal"
    assert "ZeroDivision" not in str(job)


def test_a_job_that_a_stopped_service_left_behind_is_lost(
    answerer: Answerer, ledger: Ledger, embedder: WaitingEmbedder
) -> None:
    embedder.may_go_on.clear()
    with TestClient(create_app(answerer, Settings(), ledger)) as client:
        paths = [
            client.post("/v1/documents", json={"title": text, "text": text}, headers=LATER).headers[
                "location"
            ]
            for text in ("first", "second")
        ]
        assert embedder.reached.wait(30)
        assert [client.get(path).json()["status"] for path in paths] == ["running", "queued"]
    with TestClient(create_app(answerer, Settings(), ledger)) as client:
        assert [client.get(path).json()["status"] for path in paths] == ["lost", "lost"]
        embedder.may_go_on.set()
        assert finished(client, paths[0])["status"] == "lost"
        assert client.get("/v1/documents").json() == {"documents": []}


def test_so_many_bytes_may_wait_and_no_more(
    answerer: Answerer, embedder: WaitingEmbedder, ledger: Ledger
) -> None:
    embedder.may_go_on.clear()
    with TestClient(create_app(answerer, Settings(max_body_bytes=2000), ledger)) as client:
        sent = [
            client.post("/v1/documents", json={"title": "a", "text": f"{i}" * 1500}, headers=LATER)
            for i in range(3)
        ]
        embedder.may_go_on.set()
    assert [response.status_code for response in sent] == [202, 202, 503]
    assert sent[2].headers["retry-after"] == "2"
    assert "3000 bytes are waiting already; at most 4000 may" in sent[2].json()["detail"]


def test_an_unknown_job(client: TestClient) -> None:
    response = client.get("/v1/jobs/nowhere")
    assert (response.status_code, response.json()["type"]) == (404, "urn:pincite:problem:unknown_job")


def test_a_document_is_replaced_and_keeps_its_id(client: TestClient) -> None:
    old = client.post("/v1/documents", json={"title": "guide", "text": GUIDE}).json()
    path = f"/v1/documents/{old['document_id']}"
    new = client.put(path, files={"file": ("guide.md", GUIDE.replace("badge", "token").encode())})
    assert (new.status_code, new.json()["document_id"]) == (200, old["document_id"])
    assert (
        client.put(path, json={"title": "guide", "text": GUIDE.replace("badge", "token")}).json()
        == new.json()
    )
    answer = client.post("/v1/ask", json={"question": "What opens the door?", "max_citations": 1}).json()
    assert answer["citations"][0]["cited_text"] == "The token opens the door."
    assert len(client.get("/v1/documents").json()["documents"]) == 1
    missing = client.put("/v1/documents/nowhere", json={"title": "a", "text": "b"})
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:pincite:problem:unknown_document")


def test_an_old_copy_does_not_undo_a_replacement(client: TestClient) -> None:
    path = client.post("/v1/documents", json={"title": "guide", "text": GUIDE}).headers["location"]
    client.put(path, json={"title": "guide", "text": "# Guide\n\nAll is new."})
    again = client.post("/v1/documents", json={"title": "guide", "text": GUIDE})
    assert (again.status_code, f"PUT {path} brings them back" in again.json()["detail"]) == (409, True)
    assert client.put(path, json={"title": "guide", "text": GUIDE}).status_code == 200


def test_row_35_of_two_writers_at_once_one_gets_a_conflict(
    client: TestClient, embedder: WaitingEmbedder
) -> None:
    path = client.post("/v1/documents", json={"title": "guide", "text": GUIDE}).headers["location"]
    embedder.together = threading.Barrier(2)
    texts = ("One has this.", "The other has that.")
    with ThreadPoolExecutor(2) as pool:
        sent = list(pool.map(lambda text: client.put(path, json={"title": "guide", "text": text}), texts))
    assert sorted(response.status_code for response in sent) == [200, 409]
    stored = client.get(f"{path}/text").json()["text"]
    assert stored == texts[[response.status_code for response in sent].index(200)]


def test_row_36_a_document_is_not_fetched_from_an_address(client: TestClient) -> None:
    for url in ("file:///etc/passwd", "http://169.254.169.254/", "https://example.org/a.md"):
        response = client.post("/v1/documents", json={"title": "a", "url": url})
        assert (response.status_code, response.json()["type"]) == (422, "urn:pincite:problem:invalid")


def test_rows_46_and_47_readers_get_whole_answers_while_documents_come_change_and_go(
    answerer: Answerer, ledger: Ledger
) -> None:
    library = answerer.library
    library.add(GUIDE.encode(), "guide.md")
    statuses: list[int] = []
    stop = threading.Event()

    def read(address: str) -> None:
        with httpx.Client(base_url=address) as client:
            while not stop.is_set():
                response = client.post("/v1/ask", json={"question": "Which number has the door of the shed?"})
                statuses.append(response.status_code)
                for citation in response.json().get("citations", []):
                    for span in citation["spans"]:
                        assert span["text"], citation

    with served(create_app(answerer, Settings(), ledger)) as address, ThreadPoolExecutor(20) as pool:
        readers = [pool.submit(read, address) for _ in range(20)]
        try:
            with httpx.Client(base_url=address, timeout=60) as client:
                for number in range(6):
                    sent = {"title": "shed", "text": f"# Shed\n\nThe door of the shed has number {number}."}
                    path = client.post("/v1/documents", json=sent).headers["location"]
                    short = {"title": "shed", "text": "The door of the shed has none."}
                    assert client.put(path, json=short).status_code == 200
                    assert client.delete(path).status_code == 204
        finally:
            stop.set()
        for reader in readers:
            reader.result()
    assert set(statuses) == {200}


def test_row_47_a_removed_document_is_gone_from_every_route_and_after_a_restart(
    client: TestClient, library: Library, embedder: WaitingEmbedder, tmp_path: Path
) -> None:
    path = client.post("/v1/documents", json={"title": "guide", "text": GUIDE}).headers["location"]
    assert client.delete(path).status_code == 204
    asked = {"question": "What does the badge open?"}
    assert client.post("/v1/ask", json=asked).json()["passages"] == []
    assert client.post("/v1/search", json=asked).json()["passages"] == []
    for route in (path, f"{path}/text", path.removeprefix("/v1")):
        assert client.get(route).status_code == 404
    reopened = Library.open(tmp_path / "index", embedder)
    assert reopened.documents() == []
    assert Answerer(reopened).search("What does the badge open?").passages == ()
    reopened.close()

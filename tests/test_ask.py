"""Several questions at once, and answers as a stream."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from serving import served

from index.library import Library
from index.reader import Verdict
from service import schemas
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings

GUIDE = b"# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."
QUESTION = "When does the office open?"
Events = list[tuple[str, dict[str, Any]]]


class CountingReader:
    """Reads nothing, once it may, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_read = threading.Event()
        self.may_read.set()

    def read(self, question: str, passages: Sequence[Sequence[str]]) -> list[Verdict]:
        assert self.may_read.wait(30), "the client has not seen the passages"
        self.asked += 1
        return [Verdict(0.5, (0.5,) * len(sentences)) for sentences in passages]


@pytest.fixture
def reader() -> CountingReader:
    return CountingReader()


@pytest.fixture
def answerer(library: Library, reader: CountingReader) -> Answerer:
    library.add(GUIDE, "guide.md")
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0), reader=reader)


@pytest.fixture
def client(answerer: Answerer, tmp_path: Path) -> Iterator[TestClient]:
    ledger = Ledger.open(tmp_path / "index")
    with TestClient(create_app(answerer, Settings(), ledger), raise_server_exceptions=False) as client:
        yield client
    ledger.close()


def events(text: str) -> Events:
    found = []
    for block in text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def joined(found: Events) -> dict[str, Any]:
    """Return the body that a stream adds up to."""
    body: dict[str, Any] = {"citations": [data for name, data in found if name == "citation"]}
    for name, data in found:
        if name != "citation":
            body |= data
    return body


def test_a_stream_adds_up_to_the_plain_answer(client: TestClient) -> None:
    plain = client.post("/v1/ask", json={"question": QUESTION}).json()
    response = client.post("/v1/ask", json={"question": QUESTION, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    found = events(response.text)
    names = [name for name, _ in found]
    assert names == ["passages", *["citation"] * len(plain["citations"]), "answer", "done"]
    assert plain["citations"]
    streamed = joined(found)
    schemas.AskResponse.model_validate(streamed, strict=True)
    assert streamed | {"timings_ms": 0} == plain | {"timings_ms": 0}


def test_a_streamed_answer_is_kept(client: TestClient) -> None:
    body = joined(events(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text))
    assert client.get(f"/v1/answers/{body['answer_id']}").json()["citations"] == body["citations"]


@pytest.mark.parametrize(
    ("asked", "status"), [({"question": " "}, 422), ({"question": "a", "document_ids": ["nowhere"]}, 404)]
)
def test_what_cannot_be_asked_is_a_problem_before_the_stream(
    client: TestClient, asked: dict[str, object], status: int
) -> None:
    response = client.post("/v1/ask", json=asked | {"stream": True})
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


def test_the_passages_come_before_anything_is_read(answerer: Answerer, reader: CountingReader) -> None:
    reader.may_read.clear()
    with (
        served(create_app(answerer, Settings())) as address,
        httpx.stream("POST", f"{address}/v1/ask", json={"question": QUESTION, "stream": True}) as response,
    ):
        lines = response.iter_lines()
        assert next(lines) == "event: passages"
        reader.may_read.set()
        assert "event: done" in list(lines)
    assert reader.asked == 1


def test_a_client_that_leaves_stops_the_work(answerer: Answerer, reader: CountingReader) -> None:
    content = json.dumps({"question": QUESTION, "stream": True}).encode()
    got: list[bytes] = []

    async def ask() -> None:
        left = asyncio.Event()
        messages = iter([{"type": "http.request", "body": content}])

        async def receive() -> Any:
            if message := next(messages, None):
                return message
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body"):
                got.append(message["body"])
                left.set()
                await asyncio.sleep(60)  # nobody takes it any more

        scope = {
            "type": "http", "method": "POST", "path": "/v1/ask", "query_string": b"", "http_version": "1.1",
            "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1), "asgi": {"spec_version": "2.3"},
        }  # fmt: skip
        await create_app(answerer, Settings())(scope, receive, send)

    asyncio.run(asyncio.wait_for(ask(), 30))
    assert [part[:15] for part in got] == [b"event: passages"]
    assert reader.asked == 0


def test_a_batch_gives_each_question_what_it_would_get_alone(client: TestClient) -> None:
    questions: list[Any] = [
        {"question": QUESTION}, {"question": " "}, 7, {"question": "badge?", "document_ids": ["nowhere"]},
        {"question": "What does the badge open?", "max_citations": 1}, {"question": "a", "stream": True},
    ]  # fmt: skip
    response = client.post("/v1/ask/batch", json={"questions": questions})
    assert response.status_code == 200
    schemas.BatchResponse.model_validate(response.json(), strict=True)
    results = response.json()["results"]
    assert [result["problem"] and result["problem"]["status"] for result in results] == [
        None, 422, 422, 404, None, 422,
    ]  # fmt: skip
    for question, result in list(zip(questions, results, strict=True))[:-1]:
        alone = client.post("/v1/ask", json=question).json()
        if result["answer"]:
            assert result["answer"] | {"timings_ms": 0} == alone | {"timings_ms": 0}
        else:
            assert result["problem"]["type"] == alone["type"]
    assert {result["problem"]["request_id"] for result in results if result["problem"]} == {
        response.headers["x-request-id"]
    }


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_is_bounded(client: TestClient, count: int) -> None:
    response = client.post("/v1/ask/batch", json={"questions": [{"question": "a"}] * count})
    assert (response.status_code, "questions" in response.json()["detail"]) == (422, True)

"""The Python client, both forms of it, against the service on a real socket."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from serving import served

from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.client import AsyncClient, Client
from service.client_errors import (
    AccessError,
    BusyError,
    ClientError,
    ConflictingError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    ProblemError,
    ServiceError,
    TimedOutError,
    UnexpectedReplyError,
)
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings
from service.wire import ask_body, search_body

GUIDE = "# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."
QUESTION = "When does the office open?"


@pytest.fixture
def answerer(library: Library) -> Answerer:
    library.add(GUIDE.encode(), "guide.md")
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


@pytest.fixture
def url(answerer: Answerer, tmp_path: Path) -> Iterator[str]:
    ledger = Ledger.open(tmp_path / "ledger")
    with served(create_app(answerer, Settings(), ledger)) as address:
        yield address
    ledger.close()


class Waiting:
    """The asynchronous client as if it were the synchronous one."""

    def __init__(self, url: str, **options: Any) -> None:
        self._made = url, options

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any, **named: Any) -> Any:
            url, options = self._made
            async with AsyncClient(url, **options) as client:
                if name == "stream":
                    return [event async for event in client.stream(*arguments, **named)]
                return await getattr(client, name)(*arguments, **named)

        return lambda *arguments, **named: asyncio.run(call(*arguments, **named))


Connect = Callable[..., Any]


@pytest.fixture(params=["synchronous", "asynchronous"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes clients of either form and closes them."""
    with ExitStack() as opened:
        if request.param == "asynchronous":
            yield Waiting
        else:
            yield lambda url, **options: opened.enter_context(Client(url, **options))


def untimed(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "timings_ms"}


def test_answers_and_evidence_are_those_of_the_answerer(
    connect: Connect, url: str, answerer: Answerer
) -> None:
    client = connect(url)
    assert untimed(client.ask(QUESTION).model_dump(exclude_unset=True)) == untimed(
        ask_body(answerer.answer(QUESTION))
    )
    assert untimed(client.search(QUESTION, top_k=1).model_dump(exclude_unset=True)) == untimed(
        search_body(answerer.search(QUESTION, top_k=1))
    )
    (document,) = client.documents()
    limited = client.ask(QUESTION, document_ids=[document.document_id], top_k=1, max_citations=1)
    assert len(limited.citations) == len(limited.passages) == 1


def test_a_stream_says_what_ask_says(connect: Connect, url: str) -> None:
    client = connect(url)
    whole = client.ask(QUESTION)
    passages, *citations, answer, end = list(client.stream(QUESTION))
    assert (passages.passages, citations, answer.answer) == (whole.passages, whole.citations, whole.answer)
    assert (answer.answer_id, answer.status, answer.confidence) == (
        whole.answer_id,
        whole.status,
        whole.confidence,
    )
    assert (end.answer_id, end.index) == (whole.answer_id, whole.index)
    with pytest.raises(InvalidRequestError, match="HTTP 422, invalid: question: "):
        list(client.stream(" "))
    with pytest.raises(NotFoundError, match="nowhere"):
        list(client.stream(QUESTION, document_ids=["nowhere"]))


def test_a_batch_has_a_result_for_each_question(connect: Connect, url: str) -> None:
    client = connect(url)
    first, second = client.batch([QUESTION, " "], max_citations=1)
    assert untimed(first.answer.model_dump(exclude_unset=True)) == untimed(
        client.ask(QUESTION, max_citations=1).model_dump(exclude_unset=True)
    )
    assert (first.problem, second.answer, second.problem.status) == (None, None, 422)


def test_answers_are_read_again_checked_and_judged(connect: Connect, url: str) -> None:
    client = connect(url)
    given = client.ask(QUESTION)
    kept = client.answer(given.answer_id)
    assert (kept.question, kept.citations) == (QUESTION, given.citations)
    assert client.verify(given.answer_id).status == "ok"
    client.feedback(given.answer_id, helpful=False, reason="It is about another office.")
    with pytest.raises(NotFoundError, match="unknown_answer"):
        client.feedback("nowhere", helpful=True)
    client.remove_document(given.citations[0].document_id)
    assert client.verify(given.answer_id).status == "removed"
    with pytest.raises(NotFoundError, match="HTTP 410"):
        client.answer(given.answer_id)


def test_documents_come_and_go(connect: Connect, url: str, tmp_path: Path) -> None:
    client = connect(url)
    (tmp_path / "tea.md").write_text("# Tea\n\nTea is steamed.")
    tea = client.add_file(tmp_path / "tea.md")
    assert client.add_file(b"# Tea\n\nTea is steamed.", "other.md") == tea
    notes = client.add_text("Notes", "Café opens at ten.")
    assert [each.title for each in client.documents()] == ["Guide", "Tea", "Notes"]
    assert client.document(notes.document_id) == notes
    assert client.document_text(notes.document_id) == "Café opens at ten."
    client.remove_document(tea.document_id)
    with pytest.raises(NotFoundError) as missing:
        client.document_text(tea.document_id)
    assert (missing.value.status, missing.value.kind) == (404, "unknown_document")
    assert len(missing.value.request_id) == 32
    assert tea.document_id in missing.value.detail
    with pytest.raises(NotFoundError):
        client.document("../../healthz")


def test_a_large_document_is_waited_for(connect: Connect, answerer: Answerer, tmp_path: Path) -> None:
    with served(create_app(answerer, Settings(job_bytes=100))) as address:
        client = connect(address)
        large = client.add_file(
            "".join(f"Paragraph {n} is here.\n\n" for n in range(200)).encode(), "large.md"
        )
        assert client.document(large.document_id) == large
        with pytest.raises(InvalidRequestError, match="HTTP 415"):
            client.add_file(b"\x7fELF\x02\x01" * 100, "program")


def test_a_job_that_is_lost_is_told(connect: Connect, answerer: Answerer) -> None:
    job = {
        "job_id": "j",
        "title": "t",
        "created_at": "",
        "done": 0,
        "total": 0,
        "document": None,
        "problem": None,
    }
    transport, asked = scripted(
        httpx.Response(202, json={**job, "status": "queued"}),
        httpx.Response(200, json={**job, "status": "lost"}),
    )
    with pytest.raises(UnexpectedReplyError, match="send it again"):
        connect("http://test", transport=transport).add_text("t", "text")
    assert [request.url.path for request in asked] == ["/v1/documents", "/v1/jobs/j"]


def test_what_cannot_be_asked_is_named(connect: Connect, url: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"HTTP 422, invalid: question: "):
        connect(url).ask("x" * 2001)
    with pytest.raises(ValueError, match="bytes come without a name"):
        connect(url).add_file(b"text")


def test_a_service_that_is_not_there_or_does_not_answer(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TimedOutError, match="ReadTimeout"):
            connect(address, timeout=0.05).ask(QUESTION)
    with pytest.raises(ConnectionFailedError, match="ConnectError"):
        connect(address).ask(QUESTION)


def scripted(*responses: httpx.Response) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return responses[min(len(asked), len(responses)) - 1]

    return httpx.MockTransport(serve), asked


def test_a_busy_service_is_asked_again(connect: Connect, answerer: Answerer) -> None:
    busy = httpx.Response(503, headers={"Retry-After": "0"})
    body = ask_body(answerer.answer(QUESTION))
    transport, asked = scripted(busy, busy, httpx.Response(200, json=body))
    assert (
        connect("http://test", transport=transport, attempts=3).ask(QUESTION).model_dump(exclude_unset=True)
        == body
    )
    assert len(asked) == 3
    transport, asked = scripted(busy)
    with pytest.raises(BusyError, match="HTTP 503") as refused:
        connect("http://test", transport=transport, attempts=2).ask(QUESTION)
    assert (len(asked), refused.value.retry_after) == (2, 0.0)


EVENTS = {"content-type": "text/event-stream"}


def test_a_stream_that_breaks_off_or_is_none_is_told_apart(connect: Connect, answerer: Answerer) -> None:
    passages = orjson.dumps(search_body(answerer.search(QUESTION))).decode()
    for response, message in [
        (
            httpx.Response(200, headers=EVENTS, text=f"event: passages\ndata: {passages}\n\n"),
            "before its end",
        ),
        (httpx.Response(200, headers=EVENTS, text="event: passages\ndata: {}\n\n"), "another form"),
        (httpx.Response(200, json={}), "event-stream"),
        (httpx.Response(502, text="<html>"), "HTTP 502"),
    ]:
        transport, _ = scripted(response)
        with pytest.raises(UnexpectedReplyError, match=message):
            list(connect("http://test", transport=transport).stream(QUESTION))


def test_a_busy_service_is_asked_again_for_a_stream(connect: Connect, answerer: Answerer) -> None:
    body = ask_body(answerer.answer(QUESTION))
    end = orjson.dumps({key: body[key] for key in ("answer_id", "index", "timings_ms")}).decode()
    busy = httpx.Response(503, headers={"Retry-After": "0"})
    done = httpx.Response(
        200, headers=EVENTS, text=f"event: mood\ndata: {{}}\n\nevent: done\ndata: {end}\n\n"
    )
    transport, asked = scripted(busy, done)
    (event,) = list(connect("http://test", transport=transport).stream(QUESTION))
    assert (event.answer_id, len(asked)) == (body["answer_id"], 2)
    transport, _ = scripted(busy)
    with pytest.raises(BusyError):
        list(connect("http://test", transport=transport, attempts=2).stream(QUESTION))


@pytest.mark.parametrize(("status", "kind"), [
    (400, InvalidRequestError), (401, AccessError), (403, AccessError), (404, NotFoundError),
    (409, ConflictingError), (413, InvalidRequestError), (429, BusyError), (500, ServiceError), (503, BusyError),
])  # fmt: skip
def test_each_problem_has_its_error(status: int, kind: type[ProblemError]) -> None:
    problem = {
        "type": "urn:pincite:problem:some_kind",
        "status": status,
        "detail": "mend it",
        "request_id": "r",
    }
    transport, _ = scripted(httpx.Response(status, json=problem))
    with Client("http://test", transport=transport, attempts=1) as client, pytest.raises(kind) as raised:
        client.documents()
    assert type(raised.value) is kind
    assert (raised.value.kind, raised.value.detail, raised.value.request_id) == ("some_kind", "mend it", "r")


@pytest.mark.parametrize("response", [
    httpx.Response(200, text="<html>"), httpx.Response(200, text="[]"), httpx.Response(200, text="{}"),
    httpx.Response(502, text="<html>"), httpx.Response(302, headers={"location": "/"}),
])  # fmt: skip
def test_what_is_not_the_service_is_told_apart(response: httpx.Response) -> None:
    transport, _ = scripted(response)
    with Client("http://test", transport=transport) as client, pytest.raises(UnexpectedReplyError):
        client.ask(QUESTION)


def test_fields_that_a_newer_service_sends_are_left_out(answerer: Answerer) -> None:
    body = ask_body(answerer.answer(QUESTION))
    transport, _ = scripted(httpx.Response(200, json={**body, "mood": "good"}))
    with Client("http://test", transport=transport) as client:
        assert client.ask(QUESTION).model_dump(exclude_unset=True) == body


def test_the_key_is_sent(connect: Connect, answerer: Answerer) -> None:
    transport, asked = scripted(httpx.Response(200, json={"documents": []}))
    connect("http://test", key="pk_1", headers={"X-Team": "a"}, transport=transport).documents()
    assert (asked[0].headers["authorization"], asked[0].headers["x-team"]) == ("Bearer pk_1", "a")


def test_both_forms_have_the_same_methods() -> None:
    def methods(form: type) -> dict[str, list[str]]:
        public = inspect.getmembers(form, inspect.isfunction)
        return {n: list(inspect.signature(f).parameters) for n, f in public if not n.startswith("_")}

    assert methods(Client) == methods(AsyncClient)


def test_every_error_is_a_client_error() -> None:
    assert all(
        issubclass(e, ClientError) for e in (ProblemError, ConnectionFailedError, UnexpectedReplyError)
    )

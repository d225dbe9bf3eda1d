"""The wire: its field names, its errors, and that nothing a client sends is a 500."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from serving import served

from index.library import Library
from service import schemas
from service.answering import Answerer
from service.app import create_app
from service.refusal import Refusal
from service.settings import Settings

GUIDE = b"# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."


@pytest.fixture
def client(library: Library) -> Iterator[TestClient]:
    library.add(GUIDE, "guide.md")
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))
    with TestClient(
        create_app(answerer, Settings(max_body_bytes=100_000)), raise_server_exceptions=False
    ) as client:
        yield client


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    body = response.json()
    assert (response.status_code, body["status"]) == (status, status), body
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "request_id"}
    assert body["type"] == f"urn:pincite:problem:{kind}"
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def test_ask_answers_with_the_contract(client: TestClient) -> None:
    body = client.post("/v1/ask", json={"question": "When does the office open?"}).json()
    schemas.AskResponse.model_validate(body, strict=True)
    assert list(body) == [
        "answer_id", "status", "confidence", "answer", "citations", "passages", "index", "timings_ms",
    ]  # fmt: skip
    assert list(body["citations"][0]) == [
        "number", "document_id", "document_title", "document_sha256", "cited_text", "spans", "answer_start",
        "answer_end", "section_path", "page", "line", "source_quality", "also_at", "footnotes", "score", "scores",
        "url",
    ]  # fmt: skip
    assert list(body["passages"][0]) == [
        "passage_id", "document_id", "rank", "score", "text", "spans", "section_path", "page",
    ]  # fmt: skip
    assert body["index"] == {**body["index"], "model": "tiny", "documents": 1, "passages": 2}


def test_spans_point_into_the_text_route(client: TestClient) -> None:
    citation = client.post("/v1/ask", json={"question": "What does the badge open?"}).json()["citations"][0]
    source = client.get(f"/v1/documents/{citation['document_id']}/text").json()
    assert source["sha256"] == citation["document_sha256"]
    for span in citation["spans"]:
        assert source["text"][span["start_char_index"] : span["end_char_index"]] == span["text"]


def test_search_returns_passages_only(client: TestClient) -> None:
    body = client.post("/v1/search", json={"question": "office hours", "top_k": 1}).json()
    schemas.SearchResponse.model_validate(body, strict=True)
    assert len(body["passages"]) == 1


def test_documents_come_and_go(client: TestClient) -> None:
    added = client.post("/v1/documents", files={"file": ("tea.md", b"# Tea\n\nTea is steamed.")})
    assert added.status_code == 201
    schemas.DocumentModel.model_validate(added.json(), strict=True)
    document = added.json()
    assert added.headers["location"] == f"/v1/documents/{document['document_id']}"
    assert client.get(added.headers["location"]).json() == document
    assert [d["title"] for d in client.get("/v1/documents").json()["documents"]] == ["Guide", "Tea"]
    assert client.delete(added.headers["location"]).status_code == 204
    problem(client.get(added.headers["location"]), 404, "unknown_document")
    problem(client.get(added.headers["location"] + "/text"), 404, "unknown_document")
    problem(client.delete(added.headers["location"]), 404, "unknown_document")


def test_a_document_may_be_sent_as_json(client: TestClient) -> None:
    response = client.post("/v1/documents", json={"title": "Notes", "text": "Café opens at ten."})
    assert (response.status_code, response.json()["title"]) == (201, "Notes")


def test_row_34_the_same_bytes_are_taken_once(client: TestClient) -> None:
    first = client.post("/v1/documents", files={"file": ("a.txt", b"Some text.")})
    again = client.post("/v1/documents", files={"file": ("b.txt", b"Some text.")})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


@pytest.mark.parametrize("question", ["", "   ", "x" * 2001, None, 7, ["a"]])
def test_rows_1_and_2_questions_that_cannot_be_asked(client: TestClient, question: object) -> None:
    body = problem(client.post("/v1/ask", json={"question": question}), 422, "invalid")
    assert body["detail"].startswith("question: ")


@pytest.mark.parametrize("top_k", [0, -1, 1e9, "5x", 1.5, True])
def test_row_3_top_k_out_of_range(client: TestClient, top_k: object) -> None:
    assert (
        "top_k"
        in problem(client.post("/v1/ask", json={"question": "a", "top_k": top_k}), 422, "invalid")["detail"]
    )


def test_row_3_top_k_not_a_number(client: TestClient) -> None:
    response = client.post(
        "/v1/ask", content='{"question": "a", "top_k": NaN}', headers={"content-type": "application/json"}
    )
    problem(response, 422, "invalid")


@pytest.mark.parametrize("text", ['"a\\ud800b"', '"a\\u0000b"', '"a\\u202eb\\u200b"'])
def test_row_4_odd_characters(client: TestClient, text: str) -> None:
    response = client.post(
        "/v1/ask", content=f'{{"question": {text}}}', headers={"content-type": "application/json"}
    )
    assert response.status_code == (422 if "ud800" in text else 200)


@pytest.mark.parametrize("content", ["{", "", "[" * 10_000, '{"a":' * 10_000, "nul", b"\xff\xfe"])
def test_row_5_malformed_json(client: TestClient, content: str | bytes) -> None:
    response = client.post("/v1/ask", content=content, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    problem(response, response.status_code, "invalid" if response.status_code == 422 else "bad_request")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_row_6_wrong_content_type(client: TestClient, kind: str) -> None:
    response = client.post("/v1/ask", content='{"question": "a"}', headers={"content-type": kind})
    problem(response, 415, "unsupported_media_type")


def test_row_7_a_body_over_the_limit_is_refused_unread(client: TestClient) -> None:
    def body() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    response = client.post("/v1/ask", content=body(), headers={"content-length": "100001"})
    problem(response, 413, "too_large")


def test_row_8_a_chunked_body_over_the_limit_is_cut(client: TestClient) -> None:
    response = client.post(
        "/v1/documents",
        content=(b"x" * 10_000 for _ in range(1000)),
        headers={"content-type": "application/json"},
    )
    problem(response, 413, "request_entity_too_large")


def test_row_9_a_body_that_falls_silent_times_out(library: Library) -> None:
    app = create_app(Answerer(library), Settings(body_seconds=0.05))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/ask",
        "headers": headers,
        "query_string": b"",
        "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(("method", "path", "status", "kind"), [
    ("GET", "/v1/ask", 405, "method_not_allowed"),
    ("GET", "/nowhere", 404, "not_found"),
    ("GET", "/v1/documents/nowhere", 404, "unknown_document"),
    ("PUT", "/v1/documents", 405, "method_not_allowed"),
])  # fmt: skip
def test_row_17_wrong_method_and_unknown_path(
    client: TestClient, method: str, path: str, status: int, kind: str
) -> None:
    problem(client.request(method, path), status, kind)


@pytest.mark.parametrize("name", ["../../x", "C:\\x", "%2e%2e/x"])
def test_row_18_a_file_name_is_a_title_and_never_a_path(client: TestClient, name: str) -> None:
    response = client.post("/v1/documents", files={"file": (name, b"A note without a heading.")})
    assert response.status_code == 201


@pytest.mark.parametrize("name", ["x" * 4000, "a\x00b", "a\nb"])
def test_row_19_what_is_no_file_name(client: TestClient, name: str) -> None:
    problem(
        client.post("/v1/documents", json={"title": name, "text": "Some text."}),
        422,
        "invalid" if len(name) > 255 else "unprocessable_entity",
    )


@pytest.mark.parametrize(("data", "status", "kind"), [
    (b"", 422, "no_text"),
    (b" \n\t\n", 422, "no_text"),
    (b"\x7fELF\x02\x01", 415, "unsupported"),
    (b"\xff\xfe\x00\xd8\x41", 422, "encoding"),
])  # fmt: skip
def test_rows_21_22_and_38_what_cannot_be_read(
    client: TestClient, data: bytes, status: int, kind: str
) -> None:
    problem(client.post("/v1/documents", files={"file": ("a.pdf", data)}), status, kind)
    assert len(client.get("/v1/documents").json()["documents"]) == 1


def test_a_form_without_a_file(client: TestClient) -> None:
    assert (
        "field `file`"
        in problem(client.post("/v1/documents", files={"other": b"x"}), 422, "unprocessable_entity")["detail"]
    )


def test_row_57_a_handler_that_fails_gives_nothing_away(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = Answerer(library)
    monkeypatch.setattr(answerer, "answer", lambda *_, **__: 1 / 0)
    with TestClient(create_app(answerer, Settings()), raise_server_exceptions=False) as client:
        response = client.post("/v1/ask", json={"question": "a"})
    assert response.status_code == 500
    assert response.json()["type"] == "urn:pincite:problem:internal"
    assert "ZeroDivision" not in response.text
    assert "Traceback" not in response.text


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json() == client.get("/readyz").json() == {"status": "ok"}


def test_row_40_an_index_of_another_model_is_not_ready(library: Library, tmp_path: Path) -> None:
    settings = Settings(index=tmp_path / "index")
    with TestClient(create_app(Answerer(library), settings)) as client:
        assert client.get("/readyz").status_code == 200
        with sqlite3.connect(tmp_path / "index" / "pincite.sqlite") as connection:
            connection.execute("UPDATE meta SET value = 'other' WHERE key = 'model'")
        connection.close()
        body = problem(client.get("/readyz"), 503, "service_unavailable")
        assert "was made with the model other, the service runs tiny" in body["detail"]
        assert client.get("/healthz").status_code == 200


def test_the_description_covers_the_wire(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    assert set(description["paths"]) >= {
        "/v1/ask", "/v1/search", "/v1/documents", "/v1/documents/{document_id}",
        "/v1/documents/{document_id}/text", "/healthz", "/readyz",
    }  # fmt: skip
    errors = description["paths"]["/v1/ask"]["post"]["responses"]["default"]["content"]
    assert errors == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_examples_in_the_description_work(client: TestClient) -> None:
    models = client.get("/openapi.json").json()["components"]["schemas"]
    for path, model in [
        ("/v1/ask", "AskRequest"),
        ("/v1/search", "SearchRequest"),
        ("/v1/documents", "NewDocument"),
    ]:
        for example in models[model]["examples"]:
            assert client.post(path, json=example).status_code in (200, 201)


def test_row_11_a_very_long_address_is_no_fault(library: Library) -> None:
    with served(create_app(Answerer(library), Settings())) as address:
        for path in ("/" + "a" * 60_000, "/v1/documents/" + "a" * 60_000, "/?q=" + "a" * 60_000):
            assert httpx.get(address + path).status_code in (404, 414, 422)


@pytest.mark.parametrize("question", [
    "'; DROP TABLE documents; --", "\" OR 1=1", "title:door AND (NEAR *", "door^2 ~ [a TO z]", "(?P<x>[a-z]+)*$",
    "%' UNION SELECT token FROM keys --", "{{7*7}} ${7*7}", "\\", "a:b:c",
])  # fmt: skip
def test_row_55_query_syntax_is_plain_text(client: TestClient, question: str) -> None:
    for path in ("/v1/ask", "/v1/search"):
        assert client.post(path, json={"question": question}).status_code == 200
    assert len(client.get("/v1/documents").json()["documents"]) == 1

"""Answers read again, checked against the source again, and judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.library import Library
from service import schemas
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings

GUIDE = b"# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture
def client(library: Library, ledger: Ledger) -> Iterator[TestClient]:
    library.add(GUIDE, "guide.md", origin="guide")
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))
    with TestClient(create_app(answerer, Settings(), ledger), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def asked(client: TestClient) -> dict[str, object]:
    body: dict[str, object] = client.post("/v1/ask", json={"question": "What does the badge open?"}).json()
    assert body["citations"]
    return body


def test_an_answer_can_be_read_again(client: TestClient, asked: dict[str, object]) -> None:
    again = client.get(f"/v1/answers/{asked['answer_id']}").json()
    schemas.KeptAnswerModel.model_validate(again, strict=True)
    assert {key: again[key] for key in asked} == asked
    assert again["question"] == "What does the badge open?"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_untouched_source_verifies(client: TestClient, asked: dict[str, object], method: str) -> None:
    body = client.request(method, f"/v1/answers/{asked['answer_id']}/verify").json()
    schemas.Verification.model_validate(body, strict=True)
    assert (body["status"], {check["status"] for check in body["citations"]}) == ("ok", {"ok"})
    assert all(all(check["spans"]) for check in body["citations"])


def test_a_changed_source_is_told(client: TestClient, asked: dict[str, object], library: Library) -> None:
    library.add(GUIDE.replace(b"badge", b"token"), "guide.md", origin="guide")
    body = client.get(f"/v1/answers/{asked['answer_id']}/verify").json()
    assert body["status"] == "changed"
    assert [False] in [check["spans"] for check in body["citations"]]
    assert "another version now; not every quote stands" in str(body["citations"])


def test_a_new_version_that_says_the_same_at_the_same_place_is_told_too(
    client: TestClient, asked: dict[str, object], library: Library
) -> None:
    library.add(GUIDE + b"\n\nMore.", "guide.md", origin="guide")
    body = client.get(f"/v1/answers/{asked['answer_id']}/verify").json()
    assert (body["status"], body["citations"][0]["spans"]) == ("changed", [True])
    assert "every quote still stands" in body["citations"][0]["detail"]


def test_row_47_a_removed_document_is_quoted_by_no_kept_answer(
    client: TestClient, asked: dict[str, object]
) -> None:
    document_id = client.get("/v1/documents").json()["documents"][0]["document_id"]
    assert client.delete(f"/v1/documents/{document_id}").status_code == 204
    gone = client.get(f"/v1/answers/{asked['answer_id']}")
    assert (gone.status_code, document_id in gone.json()["detail"]) == (410, True)
    assert "badge" not in gone.text
    body = client.get(f"/v1/answers/{asked['answer_id']}/verify").json()
    assert (body["status"], {check["status"] for check in body["citations"]}) == ("removed", {"removed"})


@pytest.mark.parametrize("path", ["/v1/answers/nowhere", "/v1/answers/nowhere/verify"])
def test_an_answer_that_is_not_kept(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["type"]) == (404, "urn:pincite:problem:unknown_answer")


def test_feedback_is_kept_with_its_answer(
    client: TestClient, asked: dict[str, object], ledger: Ledger
) -> None:
    given = {"answer_id": asked["answer_id"], "helpful": False, "reason": "It asked for the hours."}
    assert client.post("/v1/feedback", json=given).status_code == 204
    ((feedback, answer),) = ledger.feedback(helpful=False)
    assert (feedback.reason, feedback.origin) == ("It asked for the hours.", "api")
    assert answer.body == asked
    assert client.post("/v1/feedback", json=given | {"answer_id": "other"}).status_code == 404
    assert client.post("/v1/feedback", json=given | {"helpful": "no"}).status_code == 422


def test_without_a_ledger_answers_are_given_and_not_kept(library: Library) -> None:
    library.add(GUIDE, "guide.md")
    with TestClient(create_app(Answerer(library), Settings())) as client:
        body = client.post("/v1/ask", json={"question": "What does the badge open?"}).json()
        assert client.get(f"/v1/answers/{body['answer_id']}").status_code == 404


def test_a_ledger_that_cannot_be_written_spoils_no_answer(
    client: TestClient, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    with ledger.using() as connection:
        connection.execute("PRAGMA query_only = ON")
    assert client.post("/v1/ask", json={"question": "What does the badge open?"}).status_code == 200
    assert "is not kept" in caplog.text
    ledger.close()
    kept = client.get("/v1/answers/nowhere")
    assert (kept.status_code, kept.json()["type"]) == (503, "urn:pincite:problem:ledger_unavailable")

"""What a client can ask of the service: each call as data, with the form of its reply."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, RootModel, ValidationError

from service.client_errors import UnexpectedReplyError, error_of, problem_of
from service.schemas import (
    AskResponse,
    BatchResponse,
    CitationModel,
    DocumentList,
    DocumentModel,
    DocumentText,
    IndexModel,
    JobModel,
    KeptAnswerModel,
    SearchResponse,
    TimingsModel,
    Verification,
)
from service.types import Status

Reply = TypeVar("Reply", bound=BaseModel)


class StreamedAnswer(BaseModel):
    """The event `answer`: what `/v1/ask` returns beside citations and passages."""

    answer_id: str
    status: Status
    confidence: float
    answer: str | None
    generated_by: str | None = None
    missing: list[str] = []


class StreamEnd(BaseModel):
    """The event `done`."""

    answer_id: str
    index: IndexModel
    timings_ms: TimingsModel


Streamed = SearchResponse | CitationModel | StreamedAnswer | StreamEnd
"""What comes in a stream: the passages, then each citation, the answer and the end."""
_EVENTS: dict[str, type[Streamed]] = {
    "passages": SearchResponse,
    "citation": CitationModel,
    "answer": StreamedAnswer,
    "done": StreamEnd,
}


@dataclass(frozen=True, slots=True)
class Call(Generic[Reply]):
    """One request and the model of its reply."""

    method: str
    path: str
    reply: type[Reply]
    arguments: Mapping[str, Any]
    """What httpx is to send: `json`, `files`, `params`."""

    def read(self, response: httpx.Response) -> Reply:
        """Return the reply in `response`; fields that are not known here are left out.

        Raises a `ProblemError` for what the service refused, `UnexpectedReplyError` for any other form.
        """
        if not response.is_success:
            raise problem_of(response)
        try:
            return self.reply.model_validate_json(response.content or b"{}", extra="ignore")
        except ValidationError as error:
            raise UnexpectedReplyError(
                f"{self.method} {self.path} did not return {self.reply.__name__}: {response.text[:80]!r}"
            ) from error


class Added(RootModel[DocumentModel | JobModel]):
    """The reply to a new document: its record or, for a large one, the job that takes it in."""


class Nothing(BaseModel):
    """The reply of calls that return none."""


def ask(
    question: str,
    document_ids: Collection[str] | None = None,
    top_k: int | None = None,
    max_citations: int | None = None,
) -> Call[AskResponse]:
    """Return the call of `/v1/ask`."""
    return _post("/v1/ask", AskResponse, _asked(question, document_ids, top_k, max_citations))


def stream(
    question: str,
    document_ids: Collection[str] | None = None,
    top_k: int | None = None,
    max_citations: int | None = None,
) -> Call[AskResponse]:
    """Return the call of `/v1/ask` whose reply comes as events; see `event_of`."""
    return _post(
        "/v1/ask",
        AskResponse,
        {**_asked(question, document_ids, top_k, max_citations), "stream": True},
    )


def event_of(name: str, data: str) -> Streamed | None:
    """Return an event of a stream; None for one that is not known here. Raises `UnexpectedReplyError`."""
    if name not in _EVENTS:
        return None
    try:
        return _EVENTS[name].model_validate_json(data, extra="ignore")
    except ValidationError as error:
        raise UnexpectedReplyError(f"the event {name} has another form: {data[:80]!r}") from error


def batch(
    questions: Iterable[str],
    document_ids: Collection[str] | None = None,
    top_k: int | None = None,
    max_citations: int | None = None,
) -> Call[BatchResponse]:
    """Return the call of `/v1/ask/batch`."""
    bodies = [_asked(question, document_ids, top_k, max_citations) for question in questions]
    return _post("/v1/ask/batch", BatchResponse, {"questions": bodies})


def answer(answer_id: str) -> Call[KeptAnswerModel]:
    """Return the call for an answer given before."""
    return Call("GET", _at("answers", answer_id), KeptAnswerModel, {})


def verify(answer_id: str) -> Call[Verification]:
    """Return the call that checks an answer given before."""
    return Call("POST", _at("answers", answer_id, "verify"), Verification, {})


def feedback(answer_id: str, helpful: bool, reason: str) -> Call[Nothing]:
    """Return the call that says whether an answer helped."""
    return _post("/v1/feedback", Nothing, {"answer_id": answer_id, "helpful": helpful, "reason": reason})


def search(
    question: str, document_ids: Collection[str] | None = None, top_k: int | None = None
) -> Call[SearchResponse]:
    """Return the call of `/v1/search`."""
    return _post("/v1/search", SearchResponse, _asked(question, document_ids, top_k))


def documents() -> Call[DocumentList]:
    """Return the call that lists the documents."""
    return Call("GET", "/v1/documents", DocumentList, {})


def add_text(title: str, text: str) -> Call[Added]:
    """Return the call that adds a text."""
    return _post("/v1/documents", Added, {"title": title, "text": text})


def add_file(file: Path | bytes, name: str | None = None) -> Call[Added]:
    """Return the call that adds a file; bytes need a `name`."""
    data = file.read_bytes() if isinstance(file, Path) else file
    called = name or (file.name if isinstance(file, Path) else "")
    if not called:
        raise ValueError("bytes come without a name: say what the document is called")
    return Call("POST", "/v1/documents", Added, {"files": {"file": (called, data)}})


def job(job_id: str) -> Call[JobModel]:
    """Return the call that says how far a large document is."""
    return Call("GET", _at("jobs", job_id), JobModel, {})


def finished(added: DocumentModel | JobModel) -> DocumentModel | None:
    """Return the document if it is taken in, None while it is not. Raises the problem where it failed."""
    if isinstance(added, DocumentModel):
        return added
    if added.problem is not None:
        raise error_of(added.problem.status, added.problem.model_dump())
    if added.status == "lost":
        raise UnexpectedReplyError("the service was stopped while it took the document in: send it again")
    return added.document


def document(document_id: str) -> Call[DocumentModel]:
    """Return the call for one document's record."""
    return Call("GET", _at("documents", document_id), DocumentModel, {})


def document_text(document_id: str) -> Call[DocumentText]:
    """Return the call for a document's source."""
    return Call("GET", _at("documents", document_id, "text"), DocumentText, {})


def remove_document(document_id: str) -> Call[Nothing]:
    """Return the call that removes a document."""
    return Call("DELETE", _at("documents", document_id), Nothing, {})


def _post(path: str, reply: type[Reply], body: Mapping[str, Any]) -> Call[Reply]:
    return Call("POST", path, reply, {"json": body})


def _at(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _asked(
    question: str,
    document_ids: Collection[str] | None,
    top_k: int | None,
    max_citations: int | None = None,
) -> dict[str, Any]:
    """Return the body of a question; what is left to the service is left out."""
    body: dict[str, Any] = {"question": question}
    if document_ids is not None:
        body["document_ids"] = list(document_ids)
    if top_k is not None:
        body["top_k"] = top_k
    if max_citations is not None:
        body["max_citations"] = max_citations
    return body

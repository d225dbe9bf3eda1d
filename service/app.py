"""The HTTP service."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from service.answering import Answerer
from service.gate import Gate
from service.page import page_routes
from service.problems import handle_problems
from service.schemas import (
    AskRequest,
    AskResponse,
    DocumentList,
    DocumentModel,
    DocumentText,
    Health,
    NewDocument,
    Problem,
    SearchRequest,
    SearchResponse,
)
from service.settings import Settings
from service.wire import Body, ask_body, document_body, search_body

DESCRIPTION = "Answers in your documents' own words, with citations that name the exact place."
_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {"model": Problem, "description": "What was wrong and how to mend it."}
}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {"schema": {"$ref": "#/components/schemas/NewDocument"}},
        },
    }
}
DocumentId = Annotated[str, Path(max_length=64)]


def create_app(answerer: Answerer, settings: Settings) -> FastAPI:
    """Return the service around `answerer`, which stays the caller's to close."""
    app = FastAPI(title="Pincite", version="1", description=DESCRIPTION, redoc_url=None)
    app.state.answerer = answerer
    app.include_router(_questions)
    app.include_router(_documents)
    app.include_router(_health)
    app.include_router(page_routes(answerer))
    app.add_middleware(Gate, max_body_bytes=settings.max_body_bytes, body_seconds=settings.body_seconds)
    handle_problems(app)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Complete the OpenAPI description by what FastAPI cannot see in the code."""
    description = app.openapi()
    description["components"]["schemas"]["NewDocument"] = NewDocument.model_json_schema()
    for operations in description["paths"].values():
        for operation in operations.values():
            problem = operation["responses"].get("default", {}).get("content", {})
            if "application/json" in problem:
                problem["application/problem+json"] = problem.pop("application/json")
            operation["responses"].pop("422", None)


class JsonResponse(Response):
    """A body as JSON, made once and not checked again: tests hold it against the schemas."""

    media_type = "application/json"

    def render(self, content: Body) -> bytes:
        return orjson.dumps(content)


def _answerer(request: Request) -> Answerer:
    answerer: Answerer = request.app.state.answerer
    return answerer


def _json_only(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise HTTPException(415, f"the body is {kind or 'of no type'}: send application/json")


UsedAnswerer = Annotated[Answerer, Depends(_answerer)]

_questions = APIRouter(
    prefix="/v1", tags=["questions"], responses=_PROBLEM, dependencies=[Depends(_json_only)]
)
_documents = APIRouter(prefix="/v1/documents", tags=["documents"], responses=_PROBLEM)
_health = APIRouter(tags=["health"])


@_questions.post("/ask", response_model=AskResponse, summary="Ask a question")
def ask(body: AskRequest, answerer: UsedAnswerer) -> Response:
    """Answer in the documents' own words with numbered citations, or say that they do not."""
    answer = answerer.answer(
        body.question, document_ids=body.document_ids, top_k=body.top_k, max_citations=body.max_citations
    )
    return JsonResponse(ask_body(answer))


@_questions.post("/search", response_model=SearchResponse, summary="Find evidence")
def search(body: SearchRequest, answerer: UsedAnswerer) -> Response:
    """Return the passages nearest to a question, without an answer."""
    result = answerer.search(body.question, document_ids=body.document_ids, top_k=body.top_k)
    return JsonResponse(search_body(result))


@_documents.get("", response_model=DocumentList, summary="List the documents")
def list_documents(answerer: UsedAnswerer) -> Response:
    """Return what is in the index, oldest first."""
    return JsonResponse({"documents": [document_body(record) for record in answerer.library.documents()]})


@_documents.post(
    "",
    response_model=DocumentModel,
    status_code=201,
    responses={200: {"model": DocumentModel, "description": "These bytes were there already."}},
    openapi_extra=_UPLOAD,
    summary="Add a document",
)
async def add_document(request: Request, answerer: UsedAnswerer) -> Response:
    """Take a file (multipart, field `file`) or a title with a text (JSON). The same bytes are taken once."""
    data, name = await _received(request)
    result = await run_in_threadpool(answerer.library.add, data, name)
    response = JsonResponse(document_body(result.document), 200 if result.outcome == "unchanged" else 201)
    response.headers["Location"] = f"/v1/documents/{result.document.id}"
    return response


@_documents.get("/{document_id}", response_model=DocumentModel, summary="One document")
def get_document(document_id: DocumentId, answerer: UsedAnswerer) -> Response:
    """Return one document's record."""
    return JsonResponse(document_body(answerer.library.record(document_id)))


@_documents.get("/{document_id}/text", response_model=DocumentText, summary="A document's source text")
def get_text(document_id: DocumentId, answerer: UsedAnswerer) -> Response:
    """Return the source that spans point into."""
    document = answerer.library.document(document_id)
    return JsonResponse(
        {"document_id": document.record.id, "sha256": document.record.sha256, "text": document.source}
    )


@_documents.delete("/{document_id}", status_code=204, summary="Remove a document")
def remove_document(document_id: DocumentId, answerer: UsedAnswerer) -> Response:
    """Remove a document and all that was made from it."""
    answerer.library.remove(document_id)
    return Response(status_code=204)


@_health.get("/healthz", response_model=Health, summary="Is the process alive?")
async def healthz() -> Response:
    """Answer as long as the process does."""
    return JsonResponse({"status": "ok"})


@_health.get("/readyz", response_model=Health, summary="Can it answer questions?", responses=_PROBLEM)
def readyz(answerer: UsedAnswerer) -> Response:
    """Answer 200 once questions can be answered."""
    answerer.library.snapshot()
    return JsonResponse({"status": "ok"})


async def _received(request: Request) -> tuple[bytes, str]:
    """Return the bytes and the name of the document in a request. Raises 415 and 422 problems."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=4) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(422, "the form has no file in its field `file`")
            return await file.read(), _checked_name(file.filename or "")
    _json_only(request)
    try:
        new = NewDocument.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error
    return new.text.encode("utf-8"), _checked_name(new.title)


def _checked_name(name: str) -> str:
    """Return `name`, which is shown and never used as a path. Raises a 422 problem for what is no name."""
    if not name.strip() or len(name) > 255 or not name.isprintable():
        raise HTTPException(422, "a document needs a name of 1 to 255 printable characters")
    return name

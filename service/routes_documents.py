"""Documents: list, add, replace, read, remove; `service.routes_jobs` tells of those that take long."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from index.backend import Backend
from index.build import Ingested, document_id_of
from index.errors import ConflictError, UnknownDocumentError
from index.types import Progress
from service.jobs import Jobs, Work
from service.problems import request_id
from service.routing import (
    PROBLEM,
    DocumentId,
    JsonResponse,
    UsedAnswerer,
    UsedJobs,
    UsedSettings,
    check_json,
    media_type,
)
from service.schemas import DocumentList, DocumentModel, DocumentText, JobModel, NewDocument
from service.settings import Settings
from service.wire import document_body

_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {"schema": {"$ref": "#/components/schemas/NewDocument"}},
        },
    }
}

_LATER: dict[int | str, dict[str, Any]] = {202: {"model": JobModel, "description": "It is being taken in."}}

router = APIRouter(prefix="/v1/documents", tags=["documents"], responses=PROBLEM)


@router.get("", response_model=DocumentList, summary="List the documents")
def list_documents(answerer: UsedAnswerer) -> Response:
    """Return what is in the index, oldest first."""
    return JsonResponse({"documents": [document_body(record) for record in answerer.library.documents()]})


@router.post(
    "",
    response_model=DocumentModel,
    status_code=201,
    responses={200: {"model": DocumentModel, "description": "These bytes were there already."}, **_LATER},
    openapi_extra=_UPLOAD,
    summary="Add a document",
)
async def add_document(
    request: Request, answerer: UsedAnswerer, jobs: UsedJobs, settings: UsedSettings
) -> Response:
    """Take a file (multipart, field `file`) or a title with a text (JSON). The same bytes are taken once.

    A large one, or any with the header `Prefer: respond-async`, is taken in after the answer (202): the job at
    `Location` says how far it is.
    """
    data, name = await _received(request)

    def work(progress: Progress | None = None) -> Ingested:
        _refuse_replaced(answerer.library, data)
        return answerer.library.add(data, name, progress=progress)

    return await _taken_in(request, work, name, len(data), jobs, settings)


@router.put(
    "/{document_id}",
    response_model=DocumentModel,
    responses=_LATER,
    openapi_extra=_UPLOAD,
    summary="Replace a document",
)
async def replace_document(
    document_id: DocumentId, request: Request, answerer: UsedAnswerer, jobs: UsedJobs, settings: UsedSettings
) -> Response:
    """Put new bytes in the place of a document, which keeps its id, in one step. Sent as to `POST`.

    When somebody else replaces it meanwhile, one of the two gets a 409.
    """
    record = await run_in_threadpool(answerer.library.record, document_id)
    data, name = await _received(request)

    def work(progress: Progress | None = None) -> Ingested:
        return answerer.library.add(data, name, origin=record.origin, progress=progress)

    return await _taken_in(request, work, name, len(data), jobs, settings)


@router.get("/{document_id}", response_model=DocumentModel, summary="One document")
def get_document(document_id: DocumentId, answerer: UsedAnswerer) -> Response:
    """Return one document's record."""
    return JsonResponse(document_body(answerer.library.record(document_id)))


@router.get("/{document_id}/text", response_model=DocumentText, summary="A document's source text")
def get_text(document_id: DocumentId, answerer: UsedAnswerer) -> Response:
    """Return the source that spans point into."""
    document = answerer.library.document(document_id)
    return JsonResponse(
        {"document_id": document.record.id, "sha256": document.record.sha256, "text": document.source}
    )


@router.delete("/{document_id}", status_code=204, summary="Remove a document")
def remove_document(document_id: DocumentId, answerer: UsedAnswerer) -> Response:
    """Remove a document and all that was made from it."""
    answerer.library.remove(document_id)
    return Response(status_code=204)


async def _taken_in(
    request: Request, work: Work, name: str, size: int, jobs: Jobs, settings: Settings
) -> Response:
    """Do `work` now, or later where the document is large or the client prefers that."""
    later = "respond-async" in request.headers.get("prefer", "").lower()
    if later or size > settings.job_bytes:
        job = await run_in_threadpool(jobs.start, name, size, request_id(request), work)
        headers = {"Location": f"/v1/jobs/{job.job_id}", "Retry-After": "1"}
        return JsonResponse(asdict(job), 202, headers)
    result = await run_in_threadpool(work, None)
    response = JsonResponse(document_body(result.document), 201 if result.outcome == "added" else 200)
    response.headers["Location"] = f"/v1/documents/{result.document.id}"
    return response


def _refuse_replaced(library: Backend, data: bytes) -> None:
    """Refuse bytes whose document was given others since, lest an old copy undo that. Raises `ConflictError`."""
    digest = hashlib.sha256(data).hexdigest()
    document_id = document_id_of(digest)
    with suppress(UnknownDocumentError):
        if library.record(document_id).sha256 != digest:
            raise ConflictError(
                f"document {document_id} was made from these bytes and has been replaced since: "
                f"PUT /v1/documents/{document_id} brings them back"
            )


async def _received(request: Request) -> tuple[bytes, str]:
    """Return the bytes and the name of the document in a request. Raises 415 and 422 problems."""
    if media_type(request) == "multipart/form-data":
        async with request.form(max_files=1, max_fields=4) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(422, "the form has no file in its field `file`")
            return await file.read(), _checked_name(file.filename or "")
    check_json(request)
    new = NewDocument.model_validate_json(await request.body())
    return new.text.encode("utf-8"), _checked_name(new.title)


def _checked_name(name: str) -> str:
    """Return `name`, which is shown and never used as a path. Raises a 422 problem for what is no name."""
    if not name.strip() or len(name) > 255 or not name.isprintable():
        raise HTTPException(422, "a document needs a name of 1 to 255 printable characters")
    return name

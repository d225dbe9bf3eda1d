"""Documents: list, add, read, remove."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from service.routing import PROBLEM, DocumentId, JsonResponse, UsedAnswerer, check_json, media_type
from service.schemas import DocumentList, DocumentModel, DocumentText, NewDocument
from service.wire import document_body

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

router = APIRouter(prefix="/v1/documents", tags=["documents"], responses=PROBLEM)


@router.get("", response_model=DocumentList, summary="List the documents")
def list_documents(answerer: UsedAnswerer) -> Response:
    """Return what is in the index, oldest first."""
    return JsonResponse({"documents": [document_body(record) for record in answerer.library.documents()]})


@router.post(
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

"""Kept answers against their sources as they are now: every quote and every document's hash, read again."""

from __future__ import annotations

import hashlib
from typing import Any

from index.backend import Backend
from index.errors import UnknownDocumentError
from service.ledger import now
from service.schemas import Check
from service.wire import Body

_WORST_FIRST: tuple[Check, ...] = ("removed", "changed", "ok")


def verify(body: Body, library: Backend) -> Body:
    """Return the verification (see `service.schemas.Verification`) of an answer's body.

    A citation is `removed` when its document is gone, `changed` when the document has another hash by now or
    any of the quotes does not stand at its place. The sources are read from the store itself, and hashed again
    where a document's bytes are kept.
    """
    checks = [_check(citation, library) for citation in body["citations"]]
    found = {check["status"] for check in checks}
    return {
        "answer_id": body["answer_id"],
        "status": next((status for status in _WORST_FIRST if status in found), "ok"),
        "checked_at": now(),
        "citations": checks,
    }


def missing_documents(body: Body, library: Backend) -> list[str]:
    """Return the ids of the documents that an answer's body quotes and that are gone."""
    quoted = {str(each["document_id"]) for each in (*body["citations"], *body["passages"])}
    return sorted(quoted - {record.id for record in library.documents()})


def _check(citation: dict[str, Any], library: Backend) -> Body:
    document_id = citation["document_id"]
    check = {"number": citation["number"], "document_id": document_id}
    try:
        document = library.reread(document_id)
    except UnknownDocumentError:
        return {
            **check,
            "status": "removed",
            "detail": "the document was removed",
            "spans": [False] * len(citation["spans"]),
        }
    spans = [
        document.source[span["start_char_index"] : span["end_char_index"]] == span["text"]
        for span in citation["spans"]
    ]
    original = library.original(document_id)
    digest = document.record.sha256 if original is None else hashlib.sha256(original).hexdigest()
    same = digest == citation["document_sha256"]
    if same and all(spans):
        return {**check, "status": "ok", "detail": "every quote stands in the source", "spans": spans}
    detail = (
        "the document is another version now; "
        + ("every quote still stands at its place" if all(spans) else "not every quote stands at its place")
        if not same
        else "the document's hash is the same but not every quote stands at its place"
    )
    return {**check, "status": "changed", "detail": detail, "spans": spans}

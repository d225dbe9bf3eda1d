"""Errors as problem documents (RFC 9457): what was wrong and how to mend it, never a stack, a path or a secret."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from index.errors import (
    BusyError,
    ChangedError,
    ConflictError,
    NoSpaceError,
    UnavailableError,
    UnknownDocumentError,
)
from ingest.errors import ReadError, UnsupportedError
from service.errors import JobsFullError, UnknownJobError
from service.ledger import LedgerError, UnknownAnswerError
from service.logs import LOGGER
from service.questions import QuestionError
from service.scopes import allowed

_log = logging.getLogger(LOGGER)
_KINDS: dict[type[Exception], tuple[int, str]] = {
    QuestionError: (422, "question"),
    UnknownDocumentError: (404, "unknown_document"),
    ConflictError: (409, "conflict"),
    BusyError: (409, "busy"),
    ChangedError: (503, "busy"),
    NoSpaceError: (507, "no_space"),
    UnavailableError: (503, "unavailable"),
    UnknownAnswerError: (404, "unknown_answer"),
    LedgerError: (503, "ledger_unavailable"),
    UnknownJobError: (404, "unknown_job"),
    JobsFullError: (503, "busy"),
}
KNOWN: tuple[type[Exception], ...] = (*_KINDS, ReadError, ValidationError)
"""The errors that are a problem of whoever asked, or pass; any other is a fault of the service."""


RETRY_AFTER = "2"
"""Seconds after which what is busy may be tried again."""


class ProblemResponse(Response):
    """A problem document."""

    media_type = "application/problem+json"

    def __init__(
        self, status: int, kind: str, detail: str, request_id: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(orjson.dumps(problem_body(status, kind, detail, request_id)), status, headers)


def problem_body(status: int, kind: str, detail: str, request_id: str) -> dict[str, Any]:
    """Return a problem as `service.schemas.Problem` has it."""
    return {
        "type": f"urn:pincite:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }


def problem_of(error: BaseException, request_id: str) -> dict[str, Any]:
    """Return the problem that one of the `KNOWN` errors is to whoever sent the request."""
    if isinstance(error, ReadError):
        status, kind = (415 if isinstance(error, UnsupportedError) else 422), error.code
    elif isinstance(error, ValidationError):
        return problem_body(422, "invalid", _explain(error), request_id)
    else:
        status, kind = next(value for key, value in _KINDS.items() if isinstance(error, key))
    return problem_body(status, kind, str(error), request_id)


def internal_problem(request_id: str) -> dict[str, Any]:
    """Return the problem that a fault of the service is to whoever sent the request: it says nothing of it."""
    detail = "something went wrong here; the log of the service has more under this request id"
    return problem_body(500, "internal", detail, request_id)


def handle_problems(app: FastAPI) -> None:
    """Have `app` answer every error with a problem document."""

    async def known(request: Request, error: Exception) -> Response:
        return _response(problem_of(error, request_id(request)))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return ProblemResponse(422, "invalid", _explain(error), request_id(request))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = HTTPStatus(error.status_code).name.lower()
        headers = dict(error.headers or {})
        if error.status_code == 405:  # a route that shares its path with others knows its own methods only
            headers["Allow"] = allowed(request.url.path)
        return ProblemResponse(error.status_code, kind, str(error.detail), request_id(request), headers)

    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("request %s failed", request_id(request), exc_info=error)
        return _response(internal_problem(request_id(request)))

    for kind in KNOWN:
        app.add_exception_handler(kind, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _response(problem: dict[str, Any]) -> Response:
    headers = {"Retry-After": RETRY_AFTER} if problem["status"] == 503 else None
    return Response(orjson.dumps(problem), problem["status"], headers, ProblemResponse.media_type)


def request_id(request: Request) -> str:
    """Return the id that the request was given on arrival."""
    return str(request.scope.get("state", {}).get("request_id", "-"))


def _explain(error: RequestValidationError | ValidationError) -> str:
    """Return one sentence a fault: which field, and what is wrong with it. Input is not repeated."""
    return "; ".join(f"{_place(fault)}: {fault['msg']}" for fault in error.errors()[:5])


def _place(fault: Mapping[str, Any]) -> str:
    names = [str(part) for part in fault["loc"] if part != "body"]
    return ".".join(names) or "body"

"""What can go wrong between a client and the service.

ClientError
├── ConnectionFailedError      nothing answered
│   └── TimedOutError          nothing answered in time
├── UnexpectedReplyError       something answered that is not this service, or not a version of it that is known
└── ProblemError               the service said what was wrong: status, kind, detail, request_id
    ├── InvalidRequestError    400, 413, 415, 422: what was sent cannot be taken
    ├── AccessError            401, 403: the key is missing, unknown or not allowed to do this
    ├── NotFoundError          404: no such document, answer or job
    ├── ConflictingError       409: another write was faster
    ├── BusyError              429, 503: too much at once; `retry_after` says when to come again
    └── ServiceError           500 and all others: look into the service's log
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import orjson


class ClientError(Exception):
    """The service gave no usable reply. The message says why."""


class ConnectionFailedError(ClientError):
    """Nothing answered."""


class TimedOutError(ConnectionFailedError):
    """Nothing answered in time."""


class UnexpectedReplyError(ClientError):
    """What answered is not this service, or not a version of it that is known."""


class ProblemError(ClientError):
    """The service said what was wrong (RFC 9457). `kind` is the last part of the problem's type."""

    def __init__(
        self, status: int, kind: str, detail: str, request_id: str, retry_after: float | None = None
    ) -> None:
        super().__init__(f"HTTP {status}, {kind}: {detail} (request {request_id})")
        self.status = status
        self.kind = kind
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after


class InvalidRequestError(ProblemError):
    """What was sent cannot be taken."""


class AccessError(ProblemError):
    """The key is missing, unknown or not allowed to do this."""


class NotFoundError(ProblemError):
    """There is no such document, answer or job."""


class ConflictingError(ProblemError):
    """Another write was faster: try again."""


class BusyError(ProblemError):
    """Too much at once. `retry_after` is the wait in seconds that the service asks for, if it names one."""


class ServiceError(ProblemError):
    """The service failed; its log has more under `request_id`."""


_BY_STATUS: dict[int, type[ProblemError]] = {
    **dict.fromkeys((400, 405, 408, 413, 415, 422), InvalidRequestError),
    **dict.fromkeys((401, 403), AccessError),
    **dict.fromkeys((404, 410), NotFoundError),
    409: ConflictingError,
    **dict.fromkeys((429, 503), BusyError),
}


def problem_of(response: httpx.Response) -> ClientError:
    """Return the error that a response of a failing status stands for. Its body must have been read."""
    status = response.status_code
    try:
        body: Any = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    wait = response.headers.get("retry-after", "")
    retry_after = float(wait) if wait.isdecimal() else None
    kind = _BY_STATUS.get(status, ServiceError)
    if isinstance(body, dict) and "detail" in body:
        return error_of(status, body, retry_after)
    if kind is BusyError:  # a proxy in between may say so in its own words
        return BusyError(status, "busy", response.reason_phrase, "-", retry_after)
    return UnexpectedReplyError(f"HTTP {status} without a problem document: {response.text[:200]!r}")


def error_of(status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> ProblemError:
    """Return the error that a problem document stands for."""
    name = str(problem.get("type", "")).rpartition(":")[2] or "unknown"
    kind = _BY_STATUS.get(status, ServiceError)
    return kind(status, name, str(problem["detail"]), str(problem.get("request_id", "-")), retry_after)


def failure_of(error: httpx.HTTPError) -> ConnectionFailedError:
    """Return the error that a failed exchange stands for."""
    kind = TimedOutError if isinstance(error, httpx.TimeoutException) else ConnectionFailedError
    return kind(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

"""One table: every route of the service, its methods, and the scope that each needs."""

from __future__ import annotations

import re
from typing import Literal

from starlette.routing import compile_path

from service.ledger_schema import Scope

Needed = Scope | Literal["open"]

ROUTES: dict[str, dict[str, Needed]] = {
    "/": {"GET": "read"},
    "/answers/{answer_id}": {"GET": "read"},
    "/answers/{answer_id}/feedback": {"POST": "read"},
    "/documents/{document_id}": {"GET": "read"},
    "/documents/{document_id}/pages/{number}.png": {"GET": "read"},
    "/static/{name}": {"GET": "open"},
    "/login": {"GET": "open", "POST": "open"},
    "/logout": {"POST": "open"},
    "/v1/ask": {"POST": "read"},
    "/v1/ask/batch": {"POST": "read"},
    "/v1/search": {"POST": "read"},
    "/v1/answers/{answer_id}": {"GET": "read"},
    "/v1/answers/{answer_id}/verify": {"GET": "read", "POST": "read"},
    "/v1/feedback": {"POST": "read"},
    "/v1/documents": {"GET": "read", "POST": "write"},
    "/v1/documents/{document_id}": {"GET": "read", "PUT": "write", "DELETE": "write"},
    "/v1/documents/{document_id}/text": {"GET": "read"},
    "/v1/jobs/{job_id}": {"GET": "read"},
    "/v1/chat/completions": {"POST": "read"},
    "/v1/models": {"GET": "read"},
    "/v1/models/{model}": {"GET": "read"},
    "/mcp": {"POST": "read"},
    "/slack/events": {"POST": "open"},  # Slack signs what it sends
    "/docs": {"GET": "read"},
    "/docs/oauth2-redirect": {"GET": "read"},
    "/openapi.json": {"GET": "read"},
    "/healthz": {"GET": "open"},
    "/readyz": {"GET": "open"},
    "/metrics": {"GET": "read"},
}
"""What each route needs. One that is not here needs the scope admin."""

_PATTERNS: list[tuple[re.Pattern[str], str]] = [(compile_path(path)[0], path) for path in ROUTES]


def route_of(path: str) -> str:
    """Return the route that serves `path`, 'other' where none does."""
    for pattern, route in _PATTERNS:
        if pattern.match(path):
            return route
    return "other"


def needed(method: str, path: str) -> Needed:
    """Return what a request needs."""
    return ROUTES.get(route_of(path), {}).get("GET" if method == "HEAD" else method, "admin")


def allowed(path: str) -> str:
    """Return the methods that `path` takes, as the header Allow lists them."""
    return ", ".join(sorted(ROUTES.get(route_of(path), {})))

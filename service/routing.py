"""What the routers share: the answerer and the ledger of the app, JSON in and out, problems in the description.

A router is made in a file of its own (`routes_*.py`) and included by `service.app.create_app`. What a caller
must be allowed for each route stands in `service.access`.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

import orjson
from fastapi import Depends, HTTPException, Path, Request, Response

from service.answering import Answerer
from service.jobs import Jobs
from service.ledger import Ledger, LedgerError, UnknownAnswerError
from service.logs import LOGGER
from service.schemas import Problem
from service.settings import Settings
from service.types import Answer
from service.wire import Body

_log = logging.getLogger(LOGGER)

PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {"model": Problem, "description": "What was wrong and how to mend it."}
}
"""The `responses` of every router."""


EVENTS = "text/event-stream"
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            EVENTS: {
                "schema": {
                    "type": "object",
                    "description": "With `stream`: each event; `data` is JSON.",
                    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
                    "required": ["data"],
                }
            }
        }
    }
}
"""The `responses` of a route that sends events where that is asked for."""


class JsonResponse(Response):
    """A body as JSON, made once and not checked again: tests hold it against the schemas."""

    media_type = "application/json"

    def render(self, content: Body) -> bytes:
        return orjson.dumps(content)


async def json_only(request: Request) -> None:
    """Refuse a body that is not JSON, with a 415 problem."""
    check_json(request)


def check_json(request: Request) -> None:
    """Raise a 415 problem for a body that is not JSON."""
    kind = media_type(request)
    if kind != "application/json" and not kind.endswith("+json"):
        raise HTTPException(415, f"the body is {kind or 'of no type'}: send application/json")


def media_type(request: Request) -> str:
    """Return the media type of the body, in small letters and without parameters; '' where none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def keep(ledger: Ledger | None, answer: Answer, question: str) -> None:
    """Remember an answer where there is a ledger. One that cannot be written spoils no answer."""
    if ledger is None:
        return
    try:
        ledger.keep(answer, question)
    except LedgerError as error:
        _log.warning("answer %s is not kept: %s", answer.answer_id, error)


# Not plain functions, each of which would wait for a thread.
async def _answerer(request: Request) -> Answerer:
    answerer: Answerer = request.app.state.answerer
    return answerer


async def _ledger(request: Request) -> Ledger | None:
    ledger: Ledger | None = request.app.state.ledger
    return ledger


async def _needed_ledger(request: Request) -> Ledger:
    ledger = await _ledger(request)
    if ledger is None:
        raise UnknownAnswerError("this service keeps no answers: ask the question again")
    return ledger


async def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


UsedAnswerer = Annotated[Answerer, Depends(_answerer)]
UsedLedger = Annotated[Ledger | None, Depends(_ledger)]
NeededLedger = Annotated[Ledger, Depends(_needed_ledger)]
UsedJobs = Annotated[Jobs, Depends(_jobs)]
UsedSettings = Annotated[Settings, Depends(_settings)]
DocumentId = Annotated[str, Path(max_length=64)]
AnswerId = Annotated[str, Path(max_length=64)]

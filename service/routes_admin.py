"""For whoever runs the service: is it alive, can it answer, what has it done?"""

from __future__ import annotations

import sqlite3

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from index.errors import PinciteIndexError
from index.store import stored_model
from service.routing import PROBLEM, JsonResponse, UsedAnswerer, UsedSettings
from service.schemas import Health

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health, summary="Is the process alive?")
async def healthz() -> Response:
    """Answer as long as the process does."""
    return JsonResponse({"status": "ok"})


@router.get("/readyz", response_model=Health, summary="Can it answer questions?", responses=PROBLEM)
def readyz(answerer: UsedAnswerer, settings: UsedSettings) -> Response:
    """Answer 200 when questions can be answered: by the index that is there, with the model it was made with."""
    model = answerer.library.embedder.name
    try:
        answerer.library.snapshot()
        found = stored_model(settings.index)
    except (PinciteIndexError, sqlite3.Error) as error:
        raise HTTPException(503, "the index cannot be read: see the log of the service") from error
    if found not in (None, model):
        detail = f"the index was made with the model {found}, the service runs {model}: restart it"
        raise HTTPException(503, detail)
    return JsonResponse({"status": "ok"})


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    responses=PROBLEM,
)
def get_metrics(request: Request) -> Response:
    """Return counts and times of requests, answers and their stages, and how much there is and waits."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)

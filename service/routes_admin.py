"""For whoever runs the service: is it alive, can it answer?"""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.routing import PROBLEM, JsonResponse, UsedAnswerer
from service.schemas import Health

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health, summary="Is the process alive?")
async def healthz() -> Response:
    """Answer as long as the process does."""
    return JsonResponse({"status": "ok"})


@router.get("/readyz", response_model=Health, summary="Can it answer questions?", responses=PROBLEM)
def readyz(answerer: UsedAnswerer) -> Response:
    """Answer 200 once questions can be answered."""
    answerer.library.snapshot()
    return JsonResponse({"status": "ok"})

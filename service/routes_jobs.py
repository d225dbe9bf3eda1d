"""Jobs: how far a document is that takes long to be taken in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Response

from service.routing import PROBLEM, JsonResponse, UsedJobs
from service.schemas import JobModel

router = APIRouter(prefix="/v1/jobs", tags=["documents"], responses=PROBLEM)


@router.get("/{job_id}", response_model=JobModel, summary="How far is a document?")
def get_job(job_id: Annotated[str, Path(max_length=64)], jobs: UsedJobs) -> Response:
    """Return a job: once it is done with its document, once it has failed with the problem."""
    return JsonResponse(asdict(jobs.job(job_id)))

"""Answers that were given: read again, checked against their source, and judged by whoever asked."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Response

from service.ledger import Feedback, now
from service.routing import PROBLEM, AnswerId, JsonResponse, NeededLedger, UsedAnswerer, json_only
from service.schemas import FeedbackRequest, KeptAnswerModel, Verification
from service.verifying import missing_documents, verify

router = APIRouter(prefix="/v1", tags=["answers"], responses=PROBLEM)


@router.get("/answers/{answer_id}", response_model=KeptAnswerModel, summary="An answer given before")
def get_answer(answer_id: AnswerId, answerer: UsedAnswerer, ledger: NeededLedger) -> Response:
    """Return an answer as it was given. One that quotes a document removed since is gone (410)."""
    kept = ledger.answer(answer_id)
    missing = missing_documents(kept.body, answerer.library)
    if missing:
        raise HTTPException(410, f"the answer quotes a document that was removed, {missing[0]}: ask again")
    return JsonResponse({**kept.body, "question": kept.question, "at": kept.at})


@router.get("/answers/{answer_id}/verify", response_model=Verification, summary="Check an answer again")
def get_verification(answer_id: AnswerId, answerer: UsedAnswerer, ledger: NeededLedger) -> Response:
    """Read the sources again and check every quote and document hash of an answer given before."""
    return JsonResponse(verify(ledger.answer(answer_id).body, answerer.library))


router.add_api_route(
    "/answers/{answer_id}/verify",
    get_verification,
    methods=["POST"],
    response_model=Verification,
    summary="Check an answer again",
)


@router.post(
    "/feedback", status_code=204, summary="Say whether an answer helped", dependencies=[Depends(json_only)]
)
def add_feedback(body: FeedbackRequest, ledger: NeededLedger) -> Response:
    """Remember whether an answer helped and, if not, why: questions for the next evaluation."""
    ledger.add_feedback(Feedback(body.answer_id, body.helpful, body.reason, "api", now()))
    return Response(status_code=204)

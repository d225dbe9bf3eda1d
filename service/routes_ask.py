"""Questions: `/v1/ask` and `/v1/search`."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from service.routing import PROBLEM, JsonResponse, UsedAnswerer, UsedLedger, json_only, keep
from service.schemas import AskRequest, AskResponse, SearchRequest, SearchResponse
from service.wire import ask_body, search_body

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEM, dependencies=[Depends(json_only)])


@router.post("/ask", response_model=AskResponse, summary="Ask a question")
def ask(body: AskRequest, answerer: UsedAnswerer, ledger: UsedLedger) -> Response:
    """Answer in the documents' own words with numbered citations, or say that they do not."""
    answer = answerer.answer(
        body.question, document_ids=body.document_ids, top_k=body.top_k, max_citations=body.max_citations
    )
    keep(ledger, answer, body.question)
    return JsonResponse(ask_body(answer))


@router.post("/search", response_model=SearchResponse, summary="Find evidence")
def search(body: SearchRequest, answerer: UsedAnswerer) -> Response:
    """Return the passages nearest to a question, without an answer."""
    result = answerer.search(body.question, document_ids=body.document_ids, top_k=body.top_k)
    return JsonResponse(search_body(result))

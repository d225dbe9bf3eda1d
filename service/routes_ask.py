"""Questions: `/v1/ask`, in one piece, as a stream or several at once, and `/v1/search`."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from service.answering import Answerer
from service.ledger import Ledger
from service.problems import KNOWN, problem_of, request_id
from service.routing import EVENTS, PROBLEM, STREAM, JsonResponse, UsedAnswerer, UsedLedger, json_only, keep
from service.schemas import (
    AskRequest,
    AskResponse,
    BatchQuestion,
    BatchRequest,
    BatchResponse,
    SearchRequest,
    SearchResponse,
)
from service.types import Answer, SearchResult
from service.wire import Body, ask_body, search_body

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEM, dependencies=[Depends(json_only)])
_ANSWER = ("answer_id", "status", "confidence", "answer", "generated_by", "missing")


@router.post("/ask", response_model=AskResponse, responses=STREAM, summary="Ask a question")
def ask(body: AskRequest, answerer: UsedAnswerer, ledger: UsedLedger) -> Response:
    """Answer in the documents' own words with numbered citations, or say that they do not."""
    if body.stream:
        stages = answerer.stages(body.question, body.document_ids, body.top_k, body.max_citations)
        found = next(stages)  # what cannot be asked fails here, while it can still be a problem
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(found, stages, ledger, body.question), 200, headers, EVENTS)
    return JsonResponse(_answered(body, answerer, ledger))


@router.post("/ask/batch", response_model=BatchResponse, summary="Ask several questions")
async def ask_batch(
    body: BatchRequest, request: Request, answerer: UsedAnswerer, ledger: UsedLedger
) -> Response:
    """Answer each question as `/v1/ask` does. One that cannot be asked gets a problem; the others get answers."""
    results: list[Body] = []
    for question in body.questions:
        if await request.is_disconnected():
            break
        try:
            checked = BatchQuestion.model_validate(question)
            answer = await run_in_threadpool(_answered, checked, answerer, ledger)
        except KNOWN as error:
            results.append({"answer": None, "problem": problem_of(error, request_id(request))})
        else:
            results.append({"answer": answer, "problem": None})
    return JsonResponse({"results": results})


@router.post("/search", response_model=SearchResponse, summary="Find evidence")
def search(body: SearchRequest, answerer: UsedAnswerer) -> Response:
    """Return the passages nearest to a question, without an answer."""
    result = answerer.search(body.question, document_ids=body.document_ids, top_k=body.top_k)
    return JsonResponse(search_body(result))


def _answered(body: BatchQuestion, answerer: Answerer, ledger: Ledger | None) -> Body:
    answer = answerer.answer(
        body.question, document_ids=body.document_ids, top_k=body.top_k, max_citations=body.max_citations
    )
    keep(ledger, answer, body.question)
    return ask_body(answer)


def _events(
    found: SearchResult | Answer,
    stages: Iterator[SearchResult | Answer],
    ledger: Ledger | None,
    question: str,
) -> Iterator[bytes]:
    """Yield an answer as events. When the client has left the framework asks for no more, and the work stops."""
    yield _event("passages", search_body(found))
    for answer in stages:
        assert isinstance(answer, Answer)
        keep(ledger, answer, question)
        body = ask_body(answer)
        for citation in body["citations"]:
            yield _event("citation", citation)
        yield _event("answer", {key: body[key] for key in _ANSWER if key in body})
        yield _event("done", {key: body[key] for key in ("answer_id", "index", "timings_ms")})


def _event(name: str, body: Body) -> bytes:
    # JSON holds no line breaks of its own, which is what the format of events asks for.
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(body))

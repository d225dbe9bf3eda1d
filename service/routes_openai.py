"""The routes that OpenAI's clients know: `POST /v1/chat/completions` and `GET /v1/models`. See `service.openai_wire`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from index.errors import UnknownDocumentError
from service.openai_wire import (
    MODEL,
    ChatCompletion,
    ChatRequest,
    ErrorBody,
    ModelInfo,
    ModelList,
    chunks,
    completion,
    error_body,
    model_info,
    question_of,
)
from service.questions import QuestionError
from service.routing import EVENTS, STREAM, JsonResponse, UsedAnswerer, UsedLedger, json_only, keep
from service.wire import Body

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "What was wrong and how to mend it.", "content": _PROBLEM},
    "default": {"description": "The service failed.", "content": _PROBLEM},
}


class _OpenAIRoute(APIRoute):
    """A route whose errors have OpenAI's form, which its clients show to whoever asked."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_its_form(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return _refused(400, _explain(error), "invalid")
            except QuestionError as error:
                return _refused(400, str(error), "question")
            except UnknownDocumentError as error:
                return _refused(404, str(error), "unknown_document")
            except HTTPException as error:
                return _refused(error.status_code, str(error.detail), None, error.headers)

        return handle_in_its_form


router = APIRouter(prefix="/v1", tags=["openai"], responses=_ERRORS, route_class=_OpenAIRoute)


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses=STREAM,
    dependencies=[Depends(json_only)],
    summary="Ask as one asks a chat model",
)
def complete(body: ChatRequest, answerer: UsedAnswerer, ledger: UsedLedger) -> Response:
    """Answer the last user message with the citations of `/v1/ask`, in OpenAI's form."""
    _known(body.model)
    question = question_of(body)
    if question is None:
        raise QuestionError("there is no question: send a message of the role user that consists of text")
    answer = answerer.answer(question, document_ids=body.document_ids, max_citations=body.max_citations)
    keep(ledger, answer, question)
    if not body.stream:
        return JsonResponse(completion(answer, question))
    include_usage = body.stream_options is not None and body.stream_options.include_usage
    events = _events(chunks(answer, question, include_usage=include_usage))
    return StreamingResponse(events, 200, {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}, EVENTS)


@router.get("/models", response_model=ModelList, summary="The models that may be named")
async def list_models() -> Response:
    """Return the one model there is."""
    return JsonResponse({"object": "list", "data": [model_info()]})


@router.get("/models/{model}", response_model=ModelInfo, summary="One model")
async def get_model(model: str) -> Response:
    """Return the one model there is."""
    _known(model)
    return JsonResponse(model_info())


def _known(model: str) -> None:
    if model != MODEL:
        raise HTTPException(404, f"there is no model {model[:80]!r}: name {MODEL!r}")


def _events(bodies: Iterator[Body]) -> Iterator[bytes]:
    for body in bodies:
        yield b"data: %s\n\n" % orjson.dumps(body)
    yield b"data: [DONE]\n\n"


def _refused(status: int, message: str, code: str | None, headers: Any = None) -> Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return Response(orjson.dumps(error_body(message, kind, code)), status, headers, "application/json")


def _explain(error: RequestValidationError) -> str:
    """Return one sentence a fault, as problems do; input is not repeated."""
    faults = error.errors()[:5]
    return "; ".join(
        f"{'.'.join(str(part) for part in f['loc'] if part != 'body')}: {f['msg']}" for f in faults
    )

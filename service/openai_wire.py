"""OpenAI's chat completions as far as Pincite speaks them: what is taken, and the bodies that are sent.

The last user message is the question. The content of the reply is the answer with its `[n]` marks, followed by the
numbered sources; `citations` are those of `/v1/ask`. What only steers a language model (temperature, tools and the
like) is taken and has no effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service import messages
from service.schemas import CitationModel, DocumentId, MaxCitations
from service.types import Answer, Status
from service.wire import Body, ask_body

MODEL = "pincite"
_WORD = re.compile(r"\w+|[^\w\s]")


class Taken(BaseModel):
    """What clients send; fields of OpenAI's that are not named here are taken and have no effect."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(Taken):
    """A part of a message. Only parts with text can be asked."""

    type: str
    text: str | None = None


class Message(Taken):
    """One turn of the conversation."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(Taken):
    """What a stream ends with."""

    include_usage: bool = Field(default=False, strict=True)


class ChatRequest(Taken):
    """A conversation whose last user message is the question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": MODEL, "messages": [{"role": "user", "content": "How do I add a document?"}]}
            ]
        }
    )

    model: str = Field(description=f"`{MODEL}`, the only one there is.")
    messages: list[Message] = Field(min_length=1, max_length=1000)
    stream: bool = Field(default=False, strict=True)
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(default=None, description="There is one answer to a question.")
    document_ids: Annotated[list[DocumentId] | None, Field(max_length=1000)] = Field(
        default=None, description="Not OpenAI's: search these documents only."
    )
    max_citations: MaxCitations | None = Field(default=None, description="Not OpenAI's: most citations.")


class Usage(BaseModel):
    """Words and punctuation marks of question and content. No language model wrote anything."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Written(BaseModel):
    """The reply as a message."""

    role: Literal["assistant"]
    content: str
    refusal: None


class Choice(BaseModel):
    """The one reply."""

    index: Literal[0]
    message: Written
    logprobs: None
    finish_reason: Literal["stop"]


class ChatCompletion(BaseModel):
    """A reply. `citations`, `answer_id`, `status` and `confidence` are those of `/v1/ask`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    citations: list[CitationModel]
    answer_id: str
    status: Status
    confidence: float


class ModelInfo(BaseModel):
    """A model that may be named."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """The models that may be named."""

    object: Literal["list"]
    data: list[ModelInfo]


class ErrorDetail(BaseModel):
    """What was wrong and how to mend it."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An error in OpenAI's form."""

    error: ErrorDetail


def question_of(request: ChatRequest) -> str | None:
    """Return the text of the last user message; None where there is none, or where it is more than text."""
    asked = next((message for message in reversed(request.messages) if message.role == "user"), None)
    if asked is None or asked.content is None:
        return None
    if isinstance(asked.content, str):
        return asked.content
    texts = [part.text for part in asked.content if part.type == "text" and part.text is not None]
    return "\n".join(texts) if len(texts) == len(asked.content) else None


def completion(answer: Answer, question: str) -> Body:
    """Return the reply in one piece."""
    content = messages.answer_with_sources(answer)
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {
        **_head(answer, "chat.completion"),
        "choices": [choice],
        "usage": _usage(question, content),
        **_checkable(answer),
    }


def chunks(answer: Answer, question: str, *, include_usage: bool) -> Iterator[Body]:
    """Yield the reply in chunks: one for each cited stretch; the last one carries the citations."""
    head = _head(answer, "chat.completion.chunk")
    if include_usage:
        head["usage"] = None
    content = messages.answer_with_sources(answer)
    yield {**head, "choices": [_delta({"role": "assistant", "content": "", "refusal": None})]}
    for piece in _pieces(answer, content):
        yield {**head, "choices": [_delta({"content": piece})]}
    yield {**head, "choices": [_delta({}, "stop")], **_checkable(answer)}
    if include_usage:
        yield {**head, "choices": [], "usage": _usage(question, content)}


def model_info() -> Body:
    """Return the description of the one model."""
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": "pincite"}


def error_body(message: str, kind: str, code: str | None = None) -> Body:
    """Return an error in OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _head(answer: Answer, kind: str) -> Body:
    return {
        "id": f"chatcmpl-{answer.answer_id}",
        "object": kind,
        "created": int(time()),
        "model": MODEL,
        "system_fingerprint": answer.index.fingerprint,
    }


def _checkable(answer: Answer) -> Body:
    """Return the fields by which a reader checks the reply."""
    body = ask_body(answer)
    return {name: body[name] for name in ("citations", "answer_id", "status", "confidence")}


def _delta(delta: dict[str, Any], finish: str | None = None) -> Body:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _pieces(answer: Answer, content: str) -> Iterator[str]:
    """Cut `content` after each citation's mark."""
    cuts = [each.answer_end + len(f" [{each.number}]") for each in answer.citations]
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        if start < end:
            yield content[start:end]


def _usage(question: str, content: str) -> Body:
    asked, written = len(_WORD.findall(question)), len(_WORD.findall(content))
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}

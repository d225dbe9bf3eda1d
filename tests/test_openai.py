"""Chat completions, asked with OpenAI's own client over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import served

from index.library import Library
from service import openai_wire
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.messages import NOT_IN_DOCUMENT, source
from service.refusal import Refusal
from service.settings import Settings
from service.wire import ask_body

openai = pytest.importorskip("openai", reason="the openai package is not installed")

GUIDE = "# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."
QUESTION = "When does the office open?"


@pytest.fixture
def answerer(library: Library) -> Answerer:
    library.add(GUIDE.encode(), "guide.md")
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


@pytest.fixture
def client(answerer: Answerer, tmp_path: Path) -> Iterator[Any]:
    ledger = Ledger.open(tmp_path)
    try:
        with (
            served(create_app(answerer, Settings(), ledger)) as url,
            openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
        ):
            yield client
    finally:
        ledger.close()


def asked(text: Any) -> list[dict[str, Any]]:
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What opens the door?"},
        {"role": "assistant", "content": "The badge. [1]"},
        {"role": "user", "content": text},
    ]


def test_the_reply_is_the_answer_with_its_citations(client: Any, answerer: Answerer) -> None:
    answer = answerer.answer(QUESTION)
    reply = client.chat.completions.create(model="pincite", messages=asked(QUESTION), temperature=0.2, seed=1)
    assert reply.citations == ask_body(answer)["citations"]
    (choice,) = reply.choices
    text, _, sources = choice.message.content.partition("\n\n")
    assert (text, choice.message.role, choice.finish_reason) == (answer.answer, "assistant", "stop")
    assert sources.splitlines() == [source(each) for each in answer.citations]
    for citation in reply.citations:
        quoted = choice.message.content[citation["answer_start"] : citation["answer_end"]]
        assert quoted == citation["cited_text"]
        for span in citation["spans"]:
            assert GUIDE[span["start_char_index"] : span["end_char_index"]] == span["text"]
    assert reply.usage.prompt_tokens == len("When does the office open ?".split())
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert (reply.id, reply.system_fingerprint) == (f"chatcmpl-{answer.answer_id}", answer.index.fingerprint)


def test_a_stream_says_the_same(client: Any) -> None:
    whole = client.chat.completions.create(model="pincite", messages=asked(QUESTION))
    stream = client.chat.completions.create(
        model="pincite", messages=asked(QUESTION), stream=True, stream_options={"include_usage": True}
    )
    *chunks, last, usage = list(stream)
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == whole.choices[0].message.content
    marked = [chunk for chunk in chunks if chunk.choices[0].delta.content.endswith("]")]
    assert len(marked) == len(whole.citations), "one chunk a citation, with its mark"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert (last.citations, last.choices[0].finish_reason) == (whole.citations, "stop")
    assert {chunk.id for chunk in (*chunks, last, usage)} == {whole.id}
    assert (usage.choices, usage.usage) == ([], whole.usage)
    assert last.usage is None


def test_a_stream_ends_with_done(client: Any) -> None:
    body = {"model": "pincite", "messages": asked(QUESTION), "stream": True}
    sent = httpx.post(f"{client.base_url}chat/completions", json=body)
    assert sent.headers["content-type"].startswith("text/event-stream")
    events = sent.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: {") for event in events[:-2])


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_plain_words_and_no_citations(client: Any, answerer: Answerer, stream: bool) -> None:
    answerer._refusal = Refusal(0.0, {}, threshold=1.0)
    reply = client.chat.completions.create(model="pincite", messages=asked(QUESTION), stream=stream)
    if stream:
        chunks = list(reply)
        content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        reply = chunks[-1]
    else:
        content = reply.choices[0].message.content
    assert (content, reply.citations, reply.status) == (NOT_IN_DOCUMENT, [], "not_in_document")


def test_the_last_user_message_is_the_question_in_parts_too(client: Any) -> None:
    plain = client.chat.completions.create(model="pincite", messages=asked(QUESTION))
    parts = [{"type": "text", "text": "When does"}, {"type": "text", "text": "the office open?"}]
    assert client.chat.completions.create(model="pincite", messages=asked(parts)).citations == plain.citations
    trailing = [*asked(QUESTION), {"role": "assistant", "content": "Let me see."}]
    assert client.chat.completions.create(model="pincite", messages=trailing).citations == plain.citations


def test_documents_and_citations_can_be_limited(client: Any, answerer: Answerer) -> None:
    (record,) = answerer.library.documents()
    reply = client.chat.completions.create(
        model="pincite",
        messages=asked(QUESTION),
        extra_body={"document_ids": [record.id], "max_citations": 1},
    )
    assert len(reply.citations) == 1
    with pytest.raises(openai.NotFoundError, match="nowhere"):
        client.chat.completions.create(
            model="pincite", messages=asked(QUESTION), extra_body={"document_ids": ["nowhere"]}
        )


def test_the_answer_is_kept(client: Any) -> None:
    reply = client.chat.completions.create(model="pincite", messages=asked(QUESTION))
    kept = httpx.get(f"{client.base_url}answers/{reply.answer_id}").json()
    assert (kept["question"], kept["citations"]) == (QUESTION, reply.citations)


def test_the_models_are_listed(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["pincite"]
    assert client.models.retrieve("pincite").owned_by == "pincite"
    with pytest.raises(openai.NotFoundError, match="name 'pincite'"):
        client.models.retrieve("gpt")


@pytest.mark.parametrize(("change", "message"), [
    ({"model": "gpt"}, "there is no model 'gpt': name 'pincite'"),
    ({"messages": []}, "messages: "),
    ({"messages": [{"role": "system", "content": "x"}]}, "there is no question"),
    ({"messages": asked([{"type": "image_url", "image_url": {"url": "x"}}])}, "consists of text"),
    ({"messages": asked(" ")}, "the question is empty"),
    ({"messages": asked("x" * 2001)}, "the question has 2001 characters"),
    ({"n": 2}, "n: "),
])  # fmt: skip
def test_errors_have_openais_form(client: Any, change: dict[str, Any], message: str) -> None:
    request = {"model": "pincite", "messages": asked(QUESTION), **change}
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as raised:
        client.chat.completions.create(**request)
    error = raised.value
    assert message in error.body["message"]
    assert (error.type, set(error.body)) == ("invalid_request_error", {"message", "type", "param", "code"})


def test_malformed_bodies_have_it_too(client: Any) -> None:
    address = f"{client.base_url}chat/completions"
    for content, kind in ((b"{", "application/json"), (b"{}", "text/plain"), (b"[]", "application/json")):
        sent = httpx.post(address, content=content, headers={"content-type": kind})
        assert sent.status_code in (400, 415)
        assert sent.json()["error"]["type"] == "invalid_request_error"


def test_bodies_are_those_of_the_description(answerer: Answerer) -> None:
    body = openai_wire.completion(answerer.answer(QUESTION), QUESTION)
    openai_wire.ChatCompletion.model_validate(body, strict=True, extra="forbid")
    openai.types.chat.ChatCompletion.model_validate(body)
    for chunk in openai_wire.chunks(answerer.answer(QUESTION), QUESTION, include_usage=True):
        openai.types.chat.ChatCompletionChunk.model_validate(chunk)

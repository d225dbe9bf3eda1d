"""One answerer behind every surface: the same question has the same citations wherever it is asked."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from serving import served
from typer.testing import CliRunner

from eval.answerers import InProcess, OverHttp
from index.embedding import open_embedder
from index.library import Library
from service import cli
from service.answering import Answerer
from service.app import create_app
from service.bootstrap import make_answerer
from service.client import AsyncClient, Client
from service.client_calls import StreamedAnswer
from service.ledger import Ledger
from service.schemas import CitationModel
from service.settings import Settings
from service.wire import ask_body

HANDBOOK = Path(__file__).resolve().parent.parent / "documents" / "handbook.md"
ANSWERED = [
    "How do I remove a document?",
    "Where is the data kept?",
    "What happens to hidden files in a folder?",
    "How large may a request be?",
]
REFUSED = "Who won the football world cup in 1990?"


@dataclass(frozen=True)
class Running:
    """A service on a socket, its answerer and the folder of its index."""

    url: str
    answerer: Answerer
    index: Path


Citations = list[dict[str, Any]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    index = tmp_path_factory.mktemp("surfaces") / "index"
    library = Library.create(index, open_embedder())
    library.add(HANDBOOK.read_bytes(), HANDBOOK.name)
    answerer = make_answerer(library)
    with served(create_app(answerer, Settings())) as url:
        yield Running(url, answerer, index)
    library.close()


def http(running: Running, question: str) -> Citations:
    with Client(running.url) as client:
        return client.ask(question).model_dump(exclude_unset=True)["citations"]


def batch(running: Running, question: str) -> Citations:
    with Client(running.url) as client:
        _, result = client.batch(["Where is the data kept?", question])
    assert result.answer is not None
    return result.answer.model_dump(exclude_unset=True)["citations"]


def stream(running: Running, question: str) -> Citations:
    with Client(running.url) as client:
        return [
            e.model_dump(exclude_unset=True) for e in client.stream(question) if isinstance(e, CitationModel)
        ]


def asynchronous_stream(running: Running, question: str) -> Citations:
    async def asked() -> Citations:
        async with AsyncClient(running.url) as client:
            events = [event async for event in client.stream(question)]
        assert any(isinstance(event, StreamedAnswer) for event in events)
        return [event.model_dump(exclude_unset=True) for event in events if isinstance(event, CitationModel)]

    return asyncio.run(asked())


def openai_route(running: Running, question: str) -> Citations:
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none") as client:
        messages = [{"role": "user", "content": question}]
        whole = client.chat.completions.create(model="pincite", messages=messages)
        chunks = list(client.chat.completions.create(model="pincite", messages=messages, stream=True))
    assert whole.citations == chunks[-1].citations
    return whole.citations


def mcp(running: Running, question: str) -> Citations:
    sdk = pytest.importorskip("mcp.client", reason="the extra `mcp` is not installed")

    async def asked() -> Citations:
        async with sdk.Client(f"{running.url}/mcp") as client:
            result = await client.call_tool("ask", {"question": question})
        return result.structured_content["citations"]

    return asyncio.run(asked())


def slack(running: Running, question: str) -> Citations:
    """Posted over a signed request; what was answered is what the ledger kept, and what the message shows."""
    pytest.importorskip("slack_bolt", reason="the extra `slack` is not installed")
    import fake_slack

    with tempfile.TemporaryDirectory() as folder, fake_slack.slack() as workspace:
        settings = Settings(
            slack_bot_token=fake_slack.BOT_TOKEN,
            slack_signing_secret=fake_slack.SECRET,
            slack_api_url=f"{workspace.url}/api/",
            public_url="https://pincite.example/",
        )
        ledger = Ledger.open(Path(folder))
        with served(create_app(running.answerer, settings, ledger)) as url:
            fake_slack.send_event(url, fake_slack.mention(question))
            (message,) = workspace.wait_for("chat.postMessage")
        answer_id = running.answerer.answer(question).answer_id
        citations = ledger.answer(answer_id).body["citations"]
        ledger.close()
    assert all(" ".join(each["cited_text"].split()) in " ".join(message.shown.split()) for each in citations)
    return citations


def command_line(running: Running, question: str) -> Citations:
    done = CliRunner().invoke(cli.app, ["ask", question, "--index", str(running.index), "--json"])
    assert done.exit_code in (0, cli.NOT_SAID), done.output
    return json.loads(done.stdout)["citations"]


def evaluation(running: Running, question: str) -> Citations:
    return InProcess(running.answerer).ask(question)["citations"]


def evaluation_over_http(running: Running, question: str) -> Citations:
    with Client(running.url) as client:
        return OverHttp(client).ask(question)["citations"]


SURFACES: list[Callable[[Running, str], Citations]] = [
    http, batch, stream, asynchronous_stream, openai_route, mcp, slack, command_line, evaluation, evaluation_over_http,
]  # fmt: skip


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.__name__)
def test_every_surface_gives_the_citations_of_the_answerer(
    running: Running, surface: Callable[[Running, str], Citations]
) -> None:
    source = running.answerer.library.document(running.answerer.library.documents()[0].id).source
    for question in ANSWERED:
        citations = surface(running, question)
        assert citations == ask_body(running.answerer.answer(question))["citations"]
        assert citations
        for span in (span for citation in citations for span in citation["spans"]):
            assert source[span["start_char_index"] : span["end_char_index"]] == span["text"]
    assert surface(running, REFUSED) == []

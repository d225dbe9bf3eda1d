"""The tools over both transports, called with the SDK's own client."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from serving import served

from index.library import Library
from service import messages, schemas
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings
from service.wire import ask_body, document_body, search_body

pytest.importorskip("mcp", reason="the extra `mcp` is not installed")

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

ROOT = Path(__file__).resolve().parent.parent
GUIDE = "# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five.\n"
QUESTION = "When does the office open?"
INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.fixture
def answerer(library: Library) -> Answerer:
    library.add(GUIDE.encode(), "guide.md")
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


@pytest.fixture
def url(answerer: Answerer) -> Iterator[str]:
    with served(create_app(answerer, Settings())) as address:
        yield f"{address}/mcp"


def talk(server: Any, talking: Callable[[Client], Awaitable[Any]], **options: Any) -> Any:
    async def run() -> Any:
        async with Client(server, **options) as client:
            return await talking(client)

    return asyncio.run(run())


def untimed(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "timings_ms"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_ask_gives_the_answer_as_text_and_as_the_body_of_http(
    url: str, answerer: Answerer, mode: str
) -> None:
    answer = answerer.answer(QUESTION)
    result = talk(url, lambda client: client.call_tool("ask", {"question": QUESTION}), mode=mode)
    assert not result.is_error
    assert untimed(result.structured_content) == untimed(ask_body(answer))
    (text,) = result.content
    assert text.text == f"{answer.answer}\n\n" + "\n".join(messages.source(each) for each in answer.citations)


def test_search_and_documents(url: str, answerer: Answerer) -> None:
    async def both(client: Client) -> tuple[Any, Any]:
        return await client.call_tool("search", {"question": QUESTION, "top_k": 1}), await client.call_tool(
            "documents"
        )

    found, listed = talk(url, both)
    expected = answerer.search(QUESTION, top_k=1)
    assert untimed(found.structured_content) == untimed(search_body(expected))
    assert found.content[0].text == messages.passages(expected.passages)
    (record,) = answerer.library.documents()
    assert listed.structured_content == {"documents": [document_body(record)]}
    assert listed.content[0].text == f"Guide ({record.id})"


def test_the_tools_describe_what_they_take_and_return(url: str) -> None:
    tools = {tool.name: tool for tool in talk(url, lambda client: client.list_tools()).tools}
    replies = {
        "ask": schemas.AskResponse,
        "search": schemas.SearchResponse,
        "documents": schemas.DocumentList,
    }
    assert set(tools) == set(replies)
    for name, model in replies.items():
        assert set(tools[name].output_schema["properties"]) == set(model.model_fields)
        assert tools[name].annotations.read_only_hint
    assert set(tools["ask"].input_schema["properties"]) == {"question", "document_ids", "max_citations"}


def test_a_refusal_shows_the_nearest_places(url: str, answerer: Answerer) -> None:
    answerer._refusal = Refusal(0.0, {}, threshold=1.0)
    result = talk(url, lambda client: client.call_tool("ask", {"question": QUESTION}))
    assert result.structured_content["citations"] == []
    assert result.content[0].text.startswith(f"{messages.NOT_IN_DOCUMENT}\n\n{messages.NEAREST}\n1. ")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"question": " "}, "the question is empty"),
    ({"question": "x" * 2001}, "the question has 2001 characters"),
    ({"question": "a", "document_ids": ["nowhere"]}, "nowhere"),
    ({"question": "a", "max_citations": 0}, "max_citations"),
    ({}, "question"),
])  # fmt: skip
def test_what_cannot_be_asked_is_named(url: str, arguments: dict[str, Any], message: str) -> None:
    result = talk(url, lambda client: client.call_tool("ask", arguments))
    assert result.is_error
    assert message in result.content[0].text


def test_answers_are_kept(answerer: Answerer, tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    try:
        with served(create_app(answerer, Settings(), ledger)) as url:
            result = talk(f"{url}/mcp", lambda client: client.call_tool("ask", {"question": QUESTION}))
        assert ledger.answer(result.structured_content["answer_id"]).question == QUESTION
    finally:
        ledger.close()


@pytest.mark.parametrize(("headers", "status"), [
    ({}, 200),
    ({"host": "attacker.example"}, 421),
    ({"host": "127.0.0.1.attacker.example:8000"}, 421),
    ({"origin": "http://attacker.example"}, 403),
])  # fmt: skip
def test_a_web_page_cannot_reach_it_by_a_name_of_its_own(
    url: str, headers: dict[str, str], status: int
) -> None:
    assert httpx.post(url, json=INITIALIZE, headers={**ACCEPT, **headers}).status_code == status


def test_on_other_addresses_any_name_is_taken(answerer: Answerer) -> None:
    with TestClient(create_app(answerer, Settings(host="0.0.0.0", allow_open=True))) as client:
        sent = client.post("/mcp", json=INITIALIZE, headers={**ACCEPT, "host": "pincite.example"})
        assert sent.json()["result"]["serverInfo"]["name"] == "pincite"


def test_an_app_can_be_started_again_and_says_when_it_is_not(answerer: Answerer) -> None:
    app = create_app(answerer, Settings(host="0.0.0.0", allow_open=True))
    for _ in range(2):
        with TestClient(app) as client:
            assert client.post("/mcp", json=INITIALIZE, headers=ACCEPT).status_code == 200
    unstarted = TestClient(app).post("/mcp", json=INITIALIZE, headers=ACCEPT)
    assert (unstarted.status_code, unstarted.json()["status"]) == (503, 503)


def test_there_is_no_stream_to_open(url: str) -> None:
    assert httpx.get(url, headers=ACCEPT).status_code == 405


def test_the_sdk_is_loaded_with_the_first_request_only(tmp_path: Path) -> None:
    code = (
        "import logging, sys; from pathlib import Path; from fastapi.testclient import TestClient\n"
        "from tiny import TinyEmbedder; from index.library import Library\n"
        "from service.answering import Answerer; from service.app import create_app\n"
        "from service.settings import Settings\n"
        "library = Library.create(Path(sys.argv[1]), TinyEmbedder())\n"
        "with TestClient(create_app(Answerer(library), Settings())) as client:\n"
        "    assert client.get('/readyz').status_code == 200\n"
        "    print('mcp.server' in sys.modules)\n"
        "    client.post('/mcp', json={})\n"
        "    print('mcp.server' in sys.modules, logging.getLogger().handlers)\n"
        "library.close()\n"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "index")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=True,
    )
    assert run.stdout.splitlines() == ["False", "True []"], "and logs where the program says"


def test_the_command_serves_on_stdio(tmp_path: Path) -> None:
    """A real process with the real model, started by the SDK as a client would start it."""
    (tmp_path / "guide.md").write_text(GUIDE)
    pincite = [sys.executable, "-c", "from service.cli import main; main()"]
    index = str(tmp_path / "index")
    subprocess.run(
        [*pincite, "ingest", str(tmp_path / "guide.md"), "--index", index],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
    server = StdioServerParameters(
        command=pincite[0], args=[*pincite[1:], "mcp", "--index", index], cwd=ROOT, env=dict(os.environ)
    )

    async def everything(client: Client) -> tuple[Any, Any, Any]:
        return (
            await client.call_tool("ask", {"question": QUESTION}),
            await client.call_tool("search", {"question": QUESTION}),
            await client.call_tool("documents"),
        )

    asked, found, listed = talk(stdio_client(server), everything)
    for citation in asked.structured_content["citations"]:
        for span in citation["spans"]:
            assert GUIDE[span["start_char_index"] : span["end_char_index"]] == span["text"]
    assert "[1] Guide" in asked.content[0].text
    assert found.structured_content["passages"][0]["rank"] == 1
    assert [document["title"] for document in listed.structured_content["documents"]] == ["Guide"]


def test_the_command_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    hidden = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'mcp' else f(n, *a)"
    code = f"{hidden}; from service.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "mcp", "--index", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (run.returncode, "pip install 'pincite[mcp]'" in run.stderr) == (2, True)

"""The examples, run as they stand in the repository, against the handbook with the real model."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from serving import served

from index.embedding import open_embedder
from index.library import Library
from service.app import create_app
from service.bootstrap import make_answerer
from service.ledger import Ledger
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
HANDBOOK = ROOT / "documents" / "handbook.md"
REMOVED = "pincite remove ID"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples") / "index"


@pytest.fixture(scope="module")
def address(index: Path) -> Iterator[str]:
    library = Library.create(index, open_embedder())
    library.add(HANDBOOK.read_bytes(), HANDBOOK.name)
    ledger = Ledger.open(index)
    with served(create_app(make_answerer(library), Settings(), ledger)) as url:
        yield url
    ledger.close()
    library.close()


def run(*command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(package: str) -> None:
    if find_spec(package) is None:
        pytest.skip(f"the package {package} is not installed")


def test_every_example_is_tested_and_listed() -> None:
    listed = set(re.findall(r"\]\(([\w.]+)\)", (EXAMPLES / "README.md").read_text()))
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
    assert files == listed
    assert all(name in Path(__file__).read_text() for name in files)


def test_curl(address: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    printed = run(str(EXAMPLES / "curl.sh"), address)
    answer, stream, passages, note, problem = re.split(r"^[A-Z][^\n]*:\n", printed, flags=re.MULTILINE)[1:]
    body = json.loads(answer)
    assert REMOVED in body["answer"]
    assert re.findall(r"^event: (\w+)", stream, re.MULTILINE) == ["passages", "citation", "answer", "done"]
    assert len(json.loads(passages)["passages"]) in (1, 2)
    assert json.loads(note)["title"] == "A note"
    assert json.loads(problem)["status"] == 422


def test_the_python_client(address: str) -> None:
    printed = run(sys.executable, str(EXAMPLES / "client.py"), address)
    for line in (REMOVED, "is there word for word", "Checked again by the service: ok", "Batch: answered"):
        assert line in printed
    assert re.search(r"^Streamed: .*pincite remove ID", printed, re.MULTILINE)
    assert re.search(r"^Not asked: question", printed, re.MULTILINE)


def test_openais_client(address: str) -> None:
    needs("openai")
    printed = run(sys.executable, str(EXAMPLES / "openai_client.py"), address)
    assert printed.count(REMOVED) >= 3, "in the content, in the citation and in the stream"
    assert re.search(r"Citations in the stream: [1-9]", printed)


@pytest.mark.parametrize("file", ["langchain_retriever.py", "haystack_retriever.py"])
def test_retrievers_return_exact_places(address: str, file: str) -> None:
    needs("haystack" if "haystack" in file else "langchain_core")
    printed = run(sys.executable, str(EXAMPLES / file), address)
    found = re.findall(r"^\[.*\] (\d+)\n(.*)", printed, re.MULTILINE)
    assert 1 <= len(found) <= 3
    source = HANDBOOK.read_text()
    for start, line in found:
        assert source[int(start) :].startswith(line.split()[0])
    assert REMOVED in printed


@pytest.mark.parametrize("entry", ["pincite", "pincite-http"])
def test_the_configuration_of_an_mcp_client(index: Path, address: str, entry: str) -> None:
    """`mcp.json`, read as its clients read it. Only the places differ: of the index and of the service."""
    needs("mcp")
    from mcp.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    entries = json.loads((EXAMPLES / "mcp.json").read_text())["mcpServers"]
    if entry == "pincite":
        command = entries[entry]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        arguments = [str(index) if each == ".pincite/index" else each for each in command["args"]]
        server: Any = stdio_client(
            StdioServerParameters(
                command=command["command"], args=arguments, env={**os.environ, "PATH": path}, cwd=index.parent
            )
        )
    else:
        server = entries[entry]["url"].replace("http://127.0.0.1:8000", address)

    async def ask() -> Any:
        async with Client(server) as client:
            return await client.call_tool("ask", {"question": "How do I remove a document?"})

    assert REMOVED in asyncio.run(ask()).structured_content["answer"]

"""The description and the service agree: every operation, every check of schemathesis, over a real socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving import served

from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger
from service.refusal import Refusal
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
GUIDE = b"# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "2")
PHASES = os.environ.get("FUZZ_PHASES", "examples,fuzzing")


@pytest.fixture
def answerer(library: Library) -> Answerer:
    library.add(GUIDE, "guide.md")
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "index")
    yield opened
    opened.close()


def test_the_service_keeps_to_its_description(answerer: Answerer, ledger: Ledger, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(ROOT / "schemathesis.toml"), "run"),
        *("--checks", "all", "--phases", PHASES, "--max-examples", EXAMPLES, "--seed", "1", "--no-color"),
    ]
    settings = Settings(log_requests=False, body_seconds=30)
    with served(create_app(answerer, settings, ledger)) as address:
        run = subprocess.run(
            [*command, f"{address}/openapi.json"],
            capture_output=True, text=True, cwd=tmp_path, check=False, timeout=3600,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout
    print(run.stdout)


def test_every_operation_that_takes_a_body_shows_an_example_that_works(
    answerer: Answerer, ledger: Ledger
) -> None:
    with TestClient(create_app(answerer, Settings(), ledger)) as client:
        answer_id = client.post("/v1/ask", json={"question": "When does the office open?"}).json()[
            "answer_id"
        ]
        description = client.get("/openapi.json").json()
        sent = []
        for path, operations in description["paths"].items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if content is None or "{" in path:
                    continue
                schema = description["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                for example in schema["examples"]:
                    if "answer_id" in example:
                        example["answer_id"] = answer_id
                    response = client.request(method.upper(), path, json=example)
                    assert response.status_code in (200, 201, 204), (path, response.text)
                    sent.append(path)
    assert set(sent) == {
        "/v1/ask", "/v1/ask/batch", "/v1/search", "/v1/feedback", "/v1/documents", "/v1/chat/completions",
    }  # fmt: skip

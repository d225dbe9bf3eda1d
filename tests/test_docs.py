"""What the documents tell people to run, run as it stands there, against `make serve` on a real socket."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import compile_path

from service.scopes import ROUTES

ROOT = Path(__file__).resolve().parent.parent
START = ROOT / "docs" / "start.md"
README = ROOT / "README.md"
ROUTES_THERE = [compile_path(path)[0] for path in ROUTES]
WRITTEN = "127.0.0.1:8000"
"""The address in the documents; here the service has a free port."""
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    .*\n|^\n(?=    ))+", re.MULTILINE)


@dataclass(frozen=True)
class Service:
    """A service that `make serve` started: its address and the environment to ask it in."""

    address: str
    environment: dict[str, str]

    def run(self, *command: str) -> str:
        """Run a command in the repository, the written address replaced; it must succeed, or refuse with 1."""
        command = tuple(part.replace(WRITTEN, self.address) for part in command)
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=self.environment, check=False, timeout=60
        )
        allowed = (0, 1) if "pincite ask" in command[-1] else (0,)
        assert done.returncode in allowed, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """`make serve` as it is written, with an index and a port of its own."""
    for tool in ("make", "curl", "bash"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    current = subprocess.run(["make", "-q", ".venv/.installed"], cwd=ROOT, capture_output=True, check=False)
    if current.returncode:
        pytest.skip("what is installed in .venv is not what the Makefile asks for: run `make install`")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    index = tmp_path / "index"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE"))
    }
    environment |= {"INDEX": str(index), "PINCITE_INDEX": str(index), "PORT": str(port), "COLUMNS": "120"}
    environment["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{environment['PATH']}"
    log = tmp_path / "log"
    with log.open("w") as output:
        (first,) = [code for kind, code in _FENCED.findall(START.read_text()) if code.startswith("make")]
        server = subprocess.Popen(
            ["bash", "-c", first],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Service(_address(server, log), environment)
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        found = re.search(r"Pincite answers on http://(\S+)", log.read_text())
        if found:
            return found[1]
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"`make serve` does not serve:\n{log.read_text()}")


def words(text: str) -> str:
    """Return a text without its line breaks, which depend on the width of the window."""
    return " ".join(text.split())


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a transcript, the lines that begin with `$ `, with the output below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
        yield "\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :])


def test_the_documents_run_as_they_are_written(service: Service) -> None:
    """One service for both: the newcomer's path ends with keys, and then the README's would be refused."""
    check_readme(service)
    check_start(service)


@pytest.mark.parametrize(
    "document", [README, *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_to_files_that_are_there(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", _FENCED.sub("", document.read_text()))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(
    "document", [README, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_routes_that_documents_name_are_there(document: Path) -> None:
    named = {path.rstrip("/.") for path in re.findall(r"/v1/[\w/]+", document.read_text())}
    assert [path for path in named if not any(pattern.match(path) for pattern in ROUTES_THERE)] == []


def check_readme(service: Service) -> None:
    blocks = [
        re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in _INDENTED.findall(README.read_text())
    ]
    transcripts = [number for number, block in enumerate(blocks) if block.lstrip("\n").startswith("$ ")]
    assert len(transcripts) >= 3
    for number in transcripts:
        for command, shown in commands(blocks[number]):
            output = service.run("bash", "-c", command)
            if shown.strip():
                assert agree(words(shown), words(output)), f"{command}\nnow prints\n{output}"
            else:  # the answer stands in the next block, shortened
                assert_within(json.loads(blocks[number + 1]), json.loads(output))


def check_start(service: Service) -> None:
    printed = []
    for kind, code in _FENCED.findall(START.read_text()):
        if "pincite slack" in code:
            check_slack(service, code)
        elif kind == "sh" and not code.startswith("make"):
            printed.append(service.run("bash", "-euo", "pipefail", "-c", code))
        elif kind == "python":
            printed.append(service.run(sys.executable, "-c", code))
        elif kind == "console":
            for command, shown in commands(code):
                assert words(service.run("bash", "-c", command)) == words(shown), f"{START.name}: {command}"
        elif kind == "json":
            assert json.loads(code) == json.loads((ROOT / "examples" / "mcp.json").read_text())
        else:
            assert code.startswith("make"), f"{kind} is run by nothing"
    asked, added, client, mcp, key = printed
    for each in (asked, client, mcp, key):
        assert "pincite remove ID" in each
    assert "behind the blue door" in json.loads(added)["answer"]
    assert "every character is in the source" in client


def check_slack(service: Service, code: str) -> None:
    """Run the bot as it is written, with the tokens that are written, against a Slack on this machine."""
    if find_spec("slack_bolt") is None or find_spec("aiohttp") is None:
        pytest.skip("Slack's packages are not installed; all that stands before them was run")
    import fake_slack

    with pytest.MonkeyPatch.context() as patch, fake_slack.slack() as slack:
        patch.setattr(fake_slack, "BOT_TOKEN", "xoxb-...")
        patch.setattr(fake_slack, "APP_TOKEN", "xapp-...")
        bot = subprocess.Popen(
            ["bash", "-c", code],
            cwd=ROOT,
            env=service.environment | {"PINCITE_SLACK_API_URL": f"{slack.url}/api/"},
            start_new_session=True,
        )
        try:
            slack.wait(lambda: bool(slack.sockets))
            asked = fake_slack.event(fake_slack.mention("How do I remove a document?"))
            slack.send({"envelope_id": "e1", "type": "events_api", "payload": asked})
            assert "pincite remove ID" in slack.wait_for("chat.postMessage")[0].shown
        finally:
            os.killpg(bot.pid, 15)
            bot.wait(20)


def agree(shown: str, output: str) -> bool:
    """Whether an output is as it is shown; passages may end with another word where they are cut off."""
    parts = [re.escape(part) for part in shown.split("…")]
    return re.fullmatch(r"\S*…".join(parts), output) is not None


def assert_within(shown: Any, body: Any, place: str = "") -> None:
    """Check that what is shown of a body is in it. Ids follow from paths, and the confidence from the model."""
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert_within(value, body[name], f"{place}.{name}")
    elif isinstance(shown, list):
        assert len(shown) == len(body), place
        for number, value in enumerate(shown):
            assert_within(value, body[number], f"{place}[{number}]")
    elif place.endswith(".url"):
        assert shown.partition("?")[2] == body.partition("?")[2], place
    elif place.endswith(".confidence"):
        assert 0 <= shown <= 1
        assert abs(shown - body) < 0.1, place
    else:
        assert shown == body, place

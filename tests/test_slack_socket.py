"""`pincite slack` as people run it: a real process, the real model, a web socket that is closed on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_slack
import pytest
from fake_slack import FakeSlack, direct, event, mention

ROOT = Path(__file__).resolve().parent.parent
PINCITE = [sys.executable, "-c", "from service.cli import main; main()"]


@pytest.fixture
def fake() -> Iterator[FakeSlack]:
    with fake_slack.slack() as running:
        yield running


def start(index: Path, fake: FakeSlack, **environment: str) -> subprocess.Popen[str]:
    tokens = {
        "PINCITE_SLACK_BOT_TOKEN": fake_slack.BOT_TOKEN,
        "PINCITE_SLACK_APP_TOKEN": fake_slack.APP_TOKEN,
        "PINCITE_SLACK_API_URL": f"{fake.url}/api/",
    }
    return subprocess.Popen(
        [*PINCITE, "slack", "--index", str(index)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **tokens, **environment},
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slack") / "index"
    subprocess.run(
        [*PINCITE, "ingest", "documents", "--index", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def envelope(payload: dict[str, Any], number: int, kind: str = "events_api") -> dict[str, Any]:
    return {"envelope_id": f"e{number}", "type": kind, "payload": payload, "accepts_response_payload": False}


def test_questions_over_socket_mode(index: Path, fake: FakeSlack) -> None:
    process = start(index, fake)
    try:
        assert process.stderr is not None
        assert "Pincite answers in Slack as @pincite (1 document" in process.stderr.readline()
        asked = mention("How many characters may a question have?")
        fake.send(envelope(event(asked, "Ev1"), 1))
        assert "A question may have up to 2,000 characters." in fake.wait_for("chat.postMessage")[0].shown
        fake.send(envelope(event(asked, "Ev1"), 2) | {"retry_attempt": 1})
        command = {
            "command": "/ask",
            "text": "What do offsets count?",
            "team_id": fake_slack.TEAM,
            "user_id": "U1",
            "channel_id": "C1",
            "response_url": f"{fake.url}/respond/command",
        }
        fake.send(envelope(command, 3, "slash_commands"))
        assert "Unicode code points" in fake.wait_for("respond")[0].shown
        fake.wait(lambda: len(fake.acknowledged) == 3)
        fake.hang_up()
        fake.wait(lambda: len(fake.sockets) == 2)
        fake.send(envelope(event(direct("What do offsets count?", "1700000003.000001"), "Ev4"), 4))
        assert "Unicode code points" in fake.wait_for("chat.postMessage", 2)[1].shown
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert len(fake.called("chat.postMessage")) == 2
        assert [each["envelope_id"] for each in fake.acknowledged] == ["e1", "e2", "e3", "e4"]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PINCITE_SLACK_BOT_TOKEN": "xoxb-wrong"}, "Slack refuses a token: invalid_auth"),
        ({"PINCITE_SLACK_APP_TOKEN": "xapp-wrong"}, "Slack refuses a token: invalid_auth"),
        ({"PINCITE_SLACK_API_URL": "http://127.0.0.1:9/"}, "Slack is not reached at http://127.0.0.1:9/"),
        ({"PINCITE_SLACK_API_URL": "slack.com"}, "PINCITE_SLACK_API_URL is 'slack.com'"),
    ],
)
def test_a_start_that_cannot_be(
    index: Path, fake: FakeSlack, environment: dict[str, str], message: str
) -> None:
    process = start(index, fake, **environment)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert message in err
    assert "Traceback" not in err
    assert "xoxb" not in err

"""The Slack bot over real connections: requests signed as Slack signs them, a Web API that answers as it does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fake_slack
import httpx
import pytest
from fake_slack import (
    BOT_USER,
    FakeSlack,
    direct,
    mention,
    send_click,
    send_command,
    send_event,
    send_payload,
)
from fastapi.testclient import TestClient
from serving import served

from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.ledger import Ledger, LedgerError
from service.refusal import Refusal
from service.settings import Settings

GUIDE = b"# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."
EVENT = json.dumps(fake_slack.event(mention("At what hour does the office close?"))).encode()
ANSWERS, REFUSES = Refusal(0.0, {}, threshold=0.0), Refusal(0.0, {}, threshold=1.1)


@dataclass(frozen=True)
class Running:
    """A service with the bot in it."""

    url: str
    slack: FakeSlack
    ledger: Ledger
    answerer: Answerer
    stop: Callable[[], None]
    """Stop the service, which first finishes what it has taken."""


def configured(fake: FakeSlack) -> Settings:
    return Settings(
        slack_bot_token=fake_slack.BOT_TOKEN,
        slack_signing_secret=fake_slack.SECRET,
        slack_api_url=f"{fake.url}/api/",
        public_url="https://pincite.example/",
    )


@pytest.fixture
def fake() -> Iterator[FakeSlack]:
    with fake_slack.slack() as running:
        yield running


@contextmanager
def running(fake: FakeSlack, library: Library, folder: Path, refusal: Refusal = ANSWERS) -> Iterator[Running]:
    answerer = Answerer(library, refusal=refusal)
    ledger = Ledger.open(folder / "ledger")
    with ExitStack() as stack:
        url = stack.enter_context(served(create_app(answerer, configured(fake), ledger)))
        yield Running(url, fake, ledger, answerer, stack.close)
    ledger.close()


@pytest.fixture
def bot(fake: FakeSlack, library: Library, tmp_path: Path) -> Iterator[Running]:
    library.add(GUIDE, "guide.md")
    with running(fake, library, tmp_path) as service:
        yield service


@pytest.fixture
def refusing(fake: FakeSlack, library: Library, tmp_path: Path) -> Iterator[Running]:
    library.add(GUIDE, "guide.md")
    with running(fake, library, tmp_path, REFUSES) as service:
        yield service


def test_a_mention_is_answered_in_its_thread(bot: Running) -> None:
    response = send_event(bot.url, mention("At what hour does the office close?", "1700000001.000002"))
    assert (response.status_code, response.text) == (200, "")
    message = bot.slack.wait_for("chat.postMessage")[0].arguments
    assert (message["channel"], message["thread_ts"]) == ("C1", "1700000001.000002")
    assert (message["unfurl_links"], message["unfurl_media"]) == (False, False)
    assert message["text"].startswith("The office opens at nine and closes at five. [1]")


def test_the_citations_are_those_of_http(bot: Running) -> None:
    send_event(bot.url, mention("At what hour does the office close?"))
    message = bot.slack.wait_for("chat.postMessage")[0]
    body = httpx.post(f"{bot.url}/v1/ask", json={"question": "At what hour does the office close?"}).json()
    links = [each["url"] for each in found(message.arguments["blocks"], "link")]
    for citation in body["citations"]:
        assert citation["cited_text"] in message.shown
        for span in citation["spans"]:
            place = f"span={span['start_char_index']}-{span['end_char_index']}"
            assert any(
                url.startswith(f"https://pincite.example/documents/{citation['document_id']}?")
                and place in url
                for url in links
            )
    assert bot.ledger.answer(body["answer_id"]).question == "At what hour does the office close?"


def test_a_direct_message_is_answered(bot: Running) -> None:
    send_event(bot.url, direct("What does the badge open?"))
    assert "The badge opens the door." in bot.slack.wait_for("chat.postMessage")[0].shown


def test_a_post_without_a_question_is_told_how_to_ask(bot: Running) -> None:
    send_event(bot.url, mention(""))
    assert "Ask a question in plain words" in bot.slack.wait_for("chat.postMessage")[0].shown


def test_a_question_that_cannot_be_asked_is_told_why(bot: Running) -> None:
    send_event(bot.url, mention("why " * 600))
    assert "at most 2000 are taken." in bot.slack.wait_for("chat.postMessage")[0].shown


def test_an_empty_index_says_so(fake: FakeSlack, library: Library, tmp_path: Path) -> None:
    with running(fake, library, tmp_path) as bot:
        send_event(bot.url, mention("Anything?"))
        assert "There are no documents yet." in fake.wait_for("chat.postMessage")[0].shown


def test_a_refusal_offers_the_nearest_places(refusing: Running) -> None:
    send_event(refusing.url, mention("Who paints the door?"))
    message = refusing.slack.wait_for("chat.postMessage")[0]
    assert message.arguments["text"] == "The documents do not say."
    assert "The nearest places:" in message.shown
    assert "Guide, line 3: “The badge opens the door.”" in message.shown
    assert found(message.arguments["blocks"], "link")


def test_a_follow_up_knows_its_question(bot: Running) -> None:
    thread = "1700000001.000001"
    send_event(bot.url, mention("At what hour does the office close?", thread), "Ev1")
    bot.slack.wait_for("chat.postMessage", 1)
    send_event(bot.url, mention("and the door?", "1700000002.000001", thread_ts=thread), "Ev2")
    second = bot.slack.wait_for("chat.postMessage", 2)[1]
    assert second.arguments["thread_ts"] == thread
    assert "Asked as: “At what hour does the office close? and the door?”" in second.shown
    send_event(
        bot.url,
        mention("What does the badge open in the morning?", "1700000003.000001", thread_ts=thread),
        "Ev3",
    )
    assert "Asked as" not in bot.slack.wait_for("chat.postMessage", 3)[2].shown


def test_a_follow_up_is_known_after_a_restart(fake: FakeSlack, library: Library, tmp_path: Path) -> None:
    library.add(GUIDE, "guide.md")
    thread = "1700000001.000001"
    with running(fake, library, tmp_path) as bot:
        send_event(bot.url, mention("At what hour does the office close?", thread), "Ev1")
        fake.wait_for("chat.postMessage", 1)
    with running(fake, library, tmp_path) as bot:
        send_event(bot.url, mention("why?", "1700000002.000001", thread_ts=thread), "Ev2")
        assert (
            "Asked as: “At what hour does the office close? why?”"
            in fake.wait_for("chat.postMessage", 2)[1].shown
        )


def signed(
    timestamp: str | None = None, secret: str = fake_slack.SECRET, **changed: bytes | None
) -> dict[str, bytes]:
    """Return the headers of EVENT as Slack signs them now, or as told."""
    made = fake_slack.signature(EVENT, str(int(time.time())) if timestamp is None else timestamp, secret)
    headers: dict[str, bytes | None] = {name: value.encode() for name, value in made.items()}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}


def test_row_49_requests_that_slack_did_not_sign(bot: Running) -> None:
    now = int(time.time())
    requests = [
        *((EVENT, signed(str(now + shift))) for shift in (-302, 310)),
        *((EVENT, signed(timestamp)) for timestamp in ("abc", "", "9" * 5000, "１２３", "1e9")),
        (EVENT, signed(secret="another")),
        (EVENT, signed(X_Slack_Signature=b"v0=" + b"0" * 64)),
        (EVENT, signed(X_Slack_Signature="v0=é".encode())),
        (EVENT, signed(X_Slack_Signature=b"")),
        (EVENT, signed(X_Slack_Signature=None)),
        (EVENT, signed(X_Slack_Request_Timestamp=None)),
        (EVENT.replace(b"hour", b"time"), signed()),
        (b"\xff" + EVENT, signed()),
        (EVENT + b" ", signed()),
    ]
    for body, headers in requests:
        response = httpx.post(
            f"{bot.url}/slack/events",
            content=body,
            headers={b"Content-Type": b"application/json"} | {k.encode(): v for k, v in headers.items()},
        )
        assert response.status_code == 401, headers
        assert response.headers["content-type"] == "application/problem+json"
        assert fake_slack.SECRET not in response.text
    bot.stop()
    assert not bot.slack.calls


def test_row_49_a_clock_may_be_a_little_off(bot: Running) -> None:
    for shift in (-290, 0, 290):
        signature = fake_slack.signature(EVENT, str(int(time.time()) + shift))
        headers = {"Content-Type": "application/json"} | signature
        assert httpx.post(f"{bot.url}/slack/events", content=EVENT, headers=headers).status_code == 200


def test_row_50_the_same_event_again(bot: Running) -> None:
    inner = mention("What does the badge open?")
    assert send_event(bot.url, inner, "Ev7").status_code == 200
    bot.slack.wait_for("chat.postMessage")
    retry = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
    assert send_event(bot.url, inner, "Ev7", **retry).status_code == 200
    bot.stop()
    assert len(bot.slack.called("chat.postMessage")) == 1


def test_row_50_the_same_event_after_a_restart(fake: FakeSlack, library: Library, tmp_path: Path) -> None:
    library.add(GUIDE, "guide.md")
    for _ in range(2):
        with running(fake, library, tmp_path) as bot:
            assert send_event(bot.url, mention("What does the badge open?"), "Ev7").status_code == 200
            fake.wait_for("chat.postMessage")
    assert len(fake.called("chat.postMessage")) == 1


def test_row_51_mention_and_message_of_one_post(bot: Running) -> None:
    inner = mention("What does the badge open?")
    send_event(bot.url, inner, "Ev1")
    send_event(bot.url, {**inner, "type": "message", "channel_type": "channel"}, "Ev2")
    bot.stop()
    assert len(bot.slack.called("chat.postMessage")) == 1


def test_row_52_what_is_no_question_to_the_bot(bot: Running) -> None:
    events = [
        direct("I said this", user=BOT_USER),
        direct("I said this", user=BOT_USER, bot_id=fake_slack.BOT_ID),
        direct("another bot", bot_id="B2"),
        mention("another bot", bot_id="B2"),
        direct("another bot", subtype="bot_message", bot_id="B2", user=None),
        mention("edited", edited={"user": "U1", "ts": "1700000001.000000"}),
        {"type": "message", "subtype": "message_changed", "channel": "D1", "channel_type": "im", "ts": "1.2",
         "message": direct("edited"), "previous_message": direct("before")},
        {"type": "message", "subtype": "message_deleted", "channel": "D1", "channel_type": "im", "ts": "1.2",
         "deleted_ts": "1.1"},
        direct("joined", subtype="channel_join"),
        direct("talk among people", channel="C1", channel_type="channel"),
        {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home"},
    ]  # fmt: skip
    for number, inner in enumerate(events):
        assert send_event(bot.url, inner, f"Ev{number}").status_code == 200
    bot.stop()
    assert {call.method for call in bot.slack.calls} == {"auth.test"}


def test_row_53_nobody_is_pinged(fake: FakeSlack, library: Library, tmp_path: Path) -> None:
    hostile = "All <!channel> must read <http://x.example|y>, says <@U123> & *Bob* of `R&D` to @here."
    library.add(hostile.encode(), "hostile.txt")
    with running(fake, library, tmp_path) as bot:
        send_event(bot.url, mention("Who must read?"))
        message = fake.wait_for("chat.postMessage")[0]
    assert "<" not in message.arguments["text"]
    assert (
        "&lt;!channel&gt; must read &lt;http://x.example|y&gt;, says &lt;@U123&gt; &amp; *Bob*"
        in message.arguments["text"]
    )
    assert hostile in message.shown
    kinds = {each["type"] for each in elements(message.arguments["blocks"])}
    assert kinds <= {
        "rich_text",
        "rich_text_section",
        "rich_text_list",
        "text",
        "link",
        "context",
        "plain_text",
        "actions",
        "button",
    }
    assert all(
        hostile not in each["text"]
        for each in elements(message.arguments["blocks"])
        if each["type"] == "plain_text"
    )


def test_a_command_is_answered_to_one_person_and_shared(bot: Running) -> None:
    response = send_command(bot.url, bot.slack, "At what hour does the office close?")
    assert (response.status_code, response.text) == (200, "")
    answer = bot.slack.wait_for("respond")[0].arguments
    assert answer["response_type"] == "ephemeral"
    buttons = {each["action_id"]: each["value"] for each in found(answer["blocks"], "button")}
    assert set(buttons) == {"pincite_helpful", "pincite_not_helpful", "pincite_share"}
    for _ in range(2):  # a double click shares once
        assert send_click(bot.url, bot.slack, "pincite_share", buttons["pincite_share"]).status_code == 200
    shown, deleted = bot.slack.wait_for("respond", 3)[1:3]
    assert (shown.arguments["response_type"], shown.arguments["replace_original"]) == ("in_channel", False)
    assert "ada asked: “At what hour does the office close?”" in shown.shown
    assert "The office opens at nine" in shown.shown
    assert {each["action_id"] for each in found(shown.arguments["blocks"], "button")} == {
        "pincite_helpful",
        "pincite_not_helpful",
    }
    assert deleted.arguments["delete_original"] is True
    bot.stop()
    assert len(bot.slack.called("respond")) == 3


def test_a_command_without_a_question(bot: Running) -> None:
    send_command(bot.url, bot.slack, "")
    assert "Ask a question in plain words" in bot.slack.wait_for("respond")[0].shown


def test_an_answer_whose_document_is_gone_is_not_shared(bot: Running) -> None:
    send_command(bot.url, bot.slack, "At what hour does the office close?")
    answer = bot.slack.wait_for("respond")[0].arguments
    bot.answerer.library.remove(bot.answerer.library.documents()[0].id)
    send_click(bot.url, bot.slack, "pincite_share", found(answer["blocks"], "button")[0]["value"])
    told = bot.slack.wait_for("respond", 2)[1]
    assert told.arguments["response_type"] == "ephemeral"
    assert "Ask the question again." in told.shown
    assert "nine" not in told.shown


def test_helpful_is_noted(bot: Running) -> None:
    answer_id = bot.answerer.answer("At what hour does the office close?").answer_id
    bot.ledger.keep(
        bot.answerer.answer("At what hour does the office close?"), "At what hour does the office close?"
    )
    send_click(bot.url, bot.slack, "pincite_helpful", answer_id)
    assert "Thank you" in bot.slack.wait_for("respond")[0].shown
    ((feedback, kept),) = bot.ledger.feedback()
    assert (feedback.answer_id, feedback.helpful, feedback.origin) == (answer_id, True, "slack")
    assert kept.question == "At what hour does the office close?"


@pytest.mark.parametrize(("kind", "reason"), [("view_submission", "It closes at six."), ("view_closed", "")])
def test_not_helpful_asks_for_a_reason(bot: Running, kind: str, reason: str) -> None:
    answer = bot.answerer.answer("At what hour does the office close?")
    bot.ledger.keep(answer, "At what hour does the office close?")
    assert send_click(bot.url, bot.slack, "pincite_not_helpful", answer.answer_id).status_code == 200
    view = bot.slack.wait_for("views.open")[0].arguments["view"]
    assert (view["type"], view["notify_on_close"]) == ("modal", True)
    assert not bot.ledger.feedback()
    values = {"pincite_reason": {"pincite_reason": {"type": "plain_text_input", "value": reason or None}}}
    state = {"state": {"values": values}} if kind == "view_submission" else {}
    sent = send_payload(bot.url, {"type": kind, "view": {**view, "id": "V1", **state}})
    assert (sent.status_code, sent.text) == (200, "")
    assert "Thank you" in bot.slack.wait_for("respond")[0].shown
    ((feedback, _),) = bot.ledger.feedback(helpful=False)
    assert (feedback.answer_id, feedback.reason) == (answer.answer_id, reason)


def test_not_helpful_is_noted_where_no_window_opens(bot: Running) -> None:
    answer = bot.answerer.answer("At what hour does the office close?")
    bot.ledger.keep(answer, "At what hour does the office close?")
    bot.slack.refusals["views.open"].append((200, {"ok": False, "error": "expired_trigger_id"}, {}))
    send_click(bot.url, bot.slack, "pincite_not_helpful", answer.answer_id)
    bot.slack.wait_for("respond")
    assert [each.helpful for each, _ in bot.ledger.feedback()] == [False]


def test_an_answer_that_is_forgotten(bot: Running) -> None:
    send_click(bot.url, bot.slack, "pincite_helpful", "unknown")
    assert "too old to be found again" in bot.slack.wait_for("respond")[0].shown


def test_the_assistants_pane_suggests_the_documents_headings(bot: Running) -> None:
    bot.answerer.library.add(b"# Tea\n\n## How tea is steamed\n\nTea is steamed.", "tea.md")
    thread = {"user_id": "U1", "channel_id": "D1", "thread_ts": "1700000000.000001", "context": {}}
    inner = {"type": "assistant_thread_started", "assistant_thread": thread, "event_ts": "1.2"}
    assert send_event(bot.url, inner).status_code == 200
    prompts = bot.slack.wait_for("assistant.threads.setSuggestedPrompts")[0].arguments
    assert (prompts["channel_id"], prompts["thread_ts"]) == ("D1", "1700000000.000001")
    assert {"title": "How tea is steamed", "message": "How tea is steamed"} in prompts["prompts"]


def test_the_assistants_pane_streams(bot: Running) -> None:
    send_event(
        bot.url, direct("What does the badge open?", "1700000002.000001", thread_ts="1700000000.000001")
    )
    stopped = bot.slack.wait_for("chat.stopStream")[0]
    assert "The badge opens the door." in stopped.shown
    assert [call.method for call in bot.slack.calls if call.method != "auth.test"] == [
        "assistant.threads.setStatus", "chat.startStream", "chat.stopStream",
    ]  # fmt: skip
    status, started = (
        bot.slack.called(name)[0].arguments for name in ("assistant.threads.setStatus", "chat.startStream")
    )
    assert status["thread_ts"] == started["thread_ts"] == "1700000000.000001"
    assert [each["status"] for each in (started["chunks"][0], stopped.arguments["chunks"][0])] == [
        "in_progress",
        "complete",
    ]


def test_a_slack_without_streams_gets_a_message(bot: Running) -> None:
    bot.slack.refusals["chat.startStream"].append((200, {"ok": False, "error": "unknown_method"}, {}))
    send_event(
        bot.url, direct("What does the badge open?", "1700000002.000001", thread_ts="1700000000.000001")
    )
    assert "The badge opens the door." in bot.slack.wait_for("chat.postMessage")[0].shown


def test_slack_is_asked_again_after_the_time_it_names(bot: Running) -> None:
    refusal = (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"})
    bot.slack.refusals["chat.postMessage"].append(refusal)
    send_event(bot.url, mention("What does the badge open?"))
    assert "The badge opens the door." in bot.slack.wait_for("chat.postMessage")[0].shown
    assert len(bot.slack.called("refused chat.postMessage")) == 1


def test_a_failure_is_told_and_logged_without_the_question(
    bot: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(bot.answerer, "answer", broken)
    send_event(bot.url, mention("What is the secret of the badge?"))
    assert "Something went wrong here" in bot.slack.wait_for("chat.postMessage")[0].shown
    bot.stop()
    assert "a question from Slack failed" in caplog.text
    assert "secret of the badge" not in caplog.text
    assert fake_slack.BOT_TOKEN not in caplog.text


def test_a_ledger_that_cannot_be_written_spoils_no_answer(
    bot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LedgerError("disk full")

    for name in ("first_time", "remember", "recall", "keep"):
        monkeypatch.setattr(bot.ledger, name, full)
    send_event(
        bot.url, mention("What does the badge open?", "1700000002.000001", thread_ts="1700000000.000001")
    )
    assert "The badge opens the door." in bot.slack.wait_for("chat.postMessage")[0].shown


def test_slack_checks_the_address(bot: Running) -> None:
    challenge = {
        "type": "url_verification",
        "token": "t",
        "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
    }
    response = fake_slack.post(bot.url, json.dumps(challenge).encode())
    assert response.status_code == 200
    assert challenge["challenge"] in response.text


def test_fifty_mentions_at_once_are_acknowledged_and_answered_once(bot: Running) -> None:
    inner = [mention(f"What does the badge open? ({n})", f"17000000{n:02}.000001") for n in range(50)]
    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(lambda n: send_event(bot.url, inner[n], f"Ev{n}"), range(50)))
    assert {response.status_code for response in responses} == {200}
    posted = bot.slack.wait_for("chat.postMessage", 50)
    bot.stop()
    assert len(bot.slack.called("chat.postMessage")) == 50
    assert {call.arguments["thread_ts"] for call in posted} == {each["ts"] for each in inner}
    assert len(bot.slack.called("auth.test")) == 1


def test_without_a_signing_secret_there_is_no_route(library: Library, tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger")
    with TestClient(create_app(Answerer(library), Settings(slack_bot_token="xoxb-1"), ledger)) as client:
        assert client.post("/slack/events").status_code == 404
    ledger.close()


def elements(content: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a message that has a type."""
    if isinstance(content, dict):
        if "type" in content:
            yield content
        for each in content.values():
            yield from elements(each)
    elif isinstance(content, list):
        for each in content:
            yield from elements(each)


def found(blocks: Any, kind: str) -> list[dict[str, Any]]:
    """Return the objects of one type."""
    return [each for each in elements(blocks) if each["type"] == kind]

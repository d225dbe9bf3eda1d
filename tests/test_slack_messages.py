"""What the bot understands of a post, and what its messages look like to a person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_slack import BOT_USER, direct, mention
from page_library import TableAnswerer
from slack_sdk.models.blocks import Block

from service import messages
from service.slack_messages import MOST_IN_A_PART, MOST_VISIBLE, Messages, Place, reason_view, said, visible
from service.slack_posts import joined, leans, question_in, read_post
from service.types import Answer, IndexInfo, Quote, Timings

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> TableAnswerer:
    return TableAnswerer(tmp_path_factory.mktemp("slack") / "index")


def lines(blocks: Any) -> list[str]:
    """Return what a person reads, a line for each section and list item."""
    if isinstance(blocks, list):
        return [line for each in blocks for line in lines(each)]
    if blocks["type"] in ("rich_text_section",):
        return ["".join(part["text"] for part in blocks["elements"])]
    if blocks["type"] in ("actions", "context"):
        texts = [each["text"] for each in blocks["elements"]]
        return [" | ".join(each if isinstance(each, str) else each["text"] for each in texts)]
    return lines(blocks["elements"])


def test_a_message_reads_as_a_person_needs_it(answerer: TableAnswerer) -> None:
    message = Messages().answer(answerer.answer("readings"), sharing=True).fields()
    assert lines(message["blocks"]) == [
        "The readings are taken before treatment, because a reading after treatment says more about the treatment"
        " than about the water. [1] All of them are kept for thirty years. [2]",
        "Sources",
        "[1] The Larkfield Water Report, What is measured, and how often, line 15 (joined across an interruption in"
        " the source)",
        "[2] The Larkfield Water Report, What is measured, and how often, line 19\nNote 3: Records from before 1996"
        " are on paper, in the mill archive. A list of them: https://larkfield.example/records",
        "Likely right",
        "Helpful | Not helpful | Share with the channel",
    ]
    assert "url" not in str(message["blocks"]), "without a public address there is nothing to link to"


def test_sources_link_to_the_page_at_the_place(answerer: TableAnswerer) -> None:
    answer = answerer.answer("readings")
    message = Messages("https://pincite.example").answer(answer).fields()
    spans = "&".join(f"span={span.start}-{span.end}" for span in answer.citations[0].spans)
    assert f"https://pincite.example/documents/{answer.citations[0].document_id}?{spans}&" in str(
        message["blocks"]
    )
    assert "#span-1" in str(message["blocks"])


def test_a_link_is_never_longer_than_slack_takes(answerer: TableAnswerer) -> None:
    answer = answerer.answer("nitrate")
    many = tuple(Quote(n, n + 1, "x") for n in range(0, 2_000, 2))
    longest = replace(answer, citations=tuple(replace(each, spans=many) for each in answer.citations))
    for block in Messages("https://pincite.example").answer(longest).fields()["blocks"]:
        assert all(len(url) <= 2_000 for url in urls(block))


def urls(content: Any) -> list[str]:
    if isinstance(content, dict):
        own = [content["url"]] if "url" in content else []
        return own + [url for each in content.values() for url in urls(each)]
    return [url for each in content for url in urls(each)] if isinstance(content, list) else []


def long_answer(answerer: TableAnswerer, sentences: int, words: int, citations: int) -> Answer:
    """Return an answer of many long quotes, whose documents have the longest titles there can be."""
    one = answerer.answer("nitrate").citations[0]
    text, cited = "", []
    for number in range(1, citations + 1):
        quote = " ".join(["<long> & *wide*"] * words * sentences)
        start = len(text) + bool(text)
        text += f"{' ' if text else ''}{quote} [{number}]"
        place = {"answer_start": start, "answer_end": start + len(quote), "cited_text": quote}
        cited.append(
            replace(one, number=number, document_title="T" * 255, section_path=("S" * 5_000,), **place)
        )
    return replace(answerer.answer("nitrate"), answer=text, citations=tuple(cited))


@pytest.mark.parametrize("citations", [1, 3, 20])
def test_row_54_prose_is_shortened_and_sources_kept(answerer: TableAnswerer, citations: int) -> None:
    answer = long_answer(answerer, 20, 60, citations)
    message = Messages("https://pincite.example").answer(answer, asked="why " * 499, sharing=True)
    blocks = message.fields()["blocks"]
    assert 8_000 < visible(blocks) <= MOST_VISIBLE
    assert len(blocks) <= 50
    shown = lines(blocks)
    assert any(line.endswith("…") for line in shown)
    assert f"\n{messages.SHORTENED}" in shown
    for number in range(1, citations + 1):
        assert any(
            line.startswith(f"[{number}] TTT") and f"line {answer.citations[0].line}" in line
            for line in shown
        )
    assert max(map(len, texts(blocks))) <= MOST_IN_A_PART
    assert len(message.text) <= 4_000


def test_row_54_an_answer_that_fits_is_whole(answerer: TableAnswerer) -> None:
    answer = long_answer(answerer, 1, 200, 3)
    shown = lines(Messages().answer(answer).fields()["blocks"])
    assert shown[0] == answer.answer
    assert f"\n{messages.SHORTENED}" not in shown


def texts(content: Any) -> list[str]:
    if isinstance(content, dict):
        own = [content["text"]] if isinstance(content.get("text"), str) else []
        return own + [text for each in content.values() for text in texts(each)]
    return [text for each in content for text in texts(each)] if isinstance(content, list) else []


def test_a_refusal_names_the_nearest_places() -> None:
    place = Place("d", "Guide, line 3", "The badge\nopens " + "the door " * 100, (Quote(8, 33, "x"),))
    answer = Answer("a", "not_in_document", 0.1, None, (), (), IndexInfo("f", "m", 1, 1), Timings(1, 1, 1, 3))
    shown = lines(Messages("https://pincite.example/").answer(answer, [place]).fields()["blocks"])
    assert shown[:2] == ["The documents do not say.", "The nearest places:"]
    assert shown[2].startswith("Guide, line 3: “The badge opens the door")
    assert shown[2].endswith("…”")
    assert len(shown[2]) < 300


def test_the_window_that_asks_for_a_reason_keeps_slacks_limits() -> None:
    view = reason_view("{}").to_dict()
    assert all(len(view[part]["text"]) <= 24 for part in ("title", "submit", "close"))
    assert view["blocks"][0]["optional"] is True
    assert Block.parse_all(view["blocks"])[0].to_dict() == view["blocks"][0]


def test_words_of_the_bot_are_escaped_in_the_notification() -> None:
    message = said("a <b> & c")
    assert (message.text, lines(message.fields()["blocks"])) == ("a &lt;b&gt; &amp; c", ["a <b> & c"])


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (f"<@{BOT_USER}> Why?", "Why?"),
        (f"Why, <@{BOT_USER}|pincite>?", "Why, ?"),
        ("What is R&amp;D &lt;here&gt;?", "What is R&D <here>?"),
        ("Does <https://example.org/a|this page> say?", "Does this page say?"),
        ("Does <https://example.org/a> say?", "Does https://example.org/a say?"),
        ("Who is in <#C1|general>? <!here> <@U9>", "Who is in #general?"),
        ("  two\n lines ", "two lines"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_markup_becomes_words(text: str, question: str) -> None:
    assert question_in(text) == question


@pytest.mark.parametrize(
    ("question", "together"),
    [
        ("and in 2012?", True), ("And what did the council then decide on it?", True), ("What about nitrate limits in wells?", True),
        ("in 2012?", True), ("why?", True), ("When does the office close?", False), ("Android phones are allowed where?", False),
        ("Order of the rooms on the plan?", False),
    ],
)  # fmt: skip
def test_short_and_joined_questions_lean_on_the_one_before(question: str, together: bool) -> None:
    assert leans(question) is together


def test_questions_too_long_to_be_joined_are_asked_alone() -> None:
    assert joined("Why?", "and when?") == "Why? and when?"
    assert joined("w" * 1_990, "and when?") == "w" * 1_990 + " and when?"
    assert joined("w" * 1_991, "and when?") == "and when?"


def test_a_post_knows_where_its_answer_belongs() -> None:
    alone = read_post(mention("Why?", "1.1"), "T1", BOT_USER)
    reply = read_post(direct("Why?", "1.2", thread_ts="1.1"), "T1", BOT_USER)
    assert alone is not None
    assert reply is not None
    assert (alone.thread, alone.follows, alone.direct) == ("1.1", False, False)
    assert (reply.thread, reply.follows, reply.direct) == ("1.1", True, True)
    assert alone.key != reply.key


def test_the_manifest_asks_for_what_the_bot_uses() -> None:
    manifest = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yml").read_text(encoding="utf-8"))
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == {
        "app_mention", "assistant_thread_started", "message.im",
    }  # fmt: skip
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == {
        "app_mentions:read", "assistant:write", "chat:write", "commands", "im:history",
    }  # fmt: skip
    assert manifest["settings"]["interactivity"]["is_enabled"]
    assert [each["command"] for each in manifest["features"]["slash_commands"]] == ["/ask"]

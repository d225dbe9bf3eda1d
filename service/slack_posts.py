"""What somebody posted in Slack, and the question in it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.questions import MAX_CHARACTERS

SHORT = 3
"""A post in a thread with at most this many words leans on the question before it."""
_LEANING = re.compile(r"(?:and|but|or|what about|how about)\b", re.IGNORECASE)
_ASKED_IN = frozenset({None, "file_share", "thread_broadcast"})
"""Subtypes of messages that people write; the others tell of edits, deletions, joins and bots."""
_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True, slots=True)
class Post:
    """Somebody's question to the bot. `thread` is the post that the answer stands under."""

    team: str
    channel: str
    user: str
    ts: str
    thread: str
    question: str
    follows: bool
    """It was posted in a thread that was there before."""
    direct: bool
    """It was posted in a conversation with the bot alone."""

    @property
    def key(self) -> str:
        """What tells the post from all others, whichever events report it."""
        return f"{self.team}:{self.channel}:{self.ts}"

    @property
    def thread_key(self) -> str:
        return f"{self.team}:{self.channel}:{self.thread}"


def read_post(event: Mapping[str, Any], team: str, bot_user: str) -> Post | None:
    """Return the post that an `app_mention` or `message` event reports, if it is a question to the bot.

    None for what bots wrote, for edits, deletions and joins, and for messages in a channel that do not name
    the bot.
    """
    user, text = event.get("user"), event.get("text") or ""
    if event.get("subtype") not in _ASKED_IN or event.get("bot_id") or event.get("edited"):
        return None
    if not user or user == bot_user:
        return None
    direct = event.get("channel_type") == "im" or str(event["channel"]).startswith("D")
    if event["type"] == "message" and not direct and f"<@{bot_user}" not in text:
        return None
    ts = str(event["ts"])
    thread = str(event.get("thread_ts") or ts)
    question = question_in(text)
    return Post(team, str(event["channel"]), str(user), ts, thread, question, thread != ts, direct)


def question_in(text: str) -> str:
    """Return Slack's markup as plain words: without people's names, links as what they show."""

    def plain(match: re.Match[str]) -> str:
        target, shown = match[1], match[2]
        if target[:1] == "@":  # a person's name is not in the text, and seldom in a document
            return ""
        if target[:1] == "#":
            return f"#{shown}" if shown else ""
        return shown or ("" if target[:1] == "!" else target)

    return " ".join(html.unescape(_MARKUP.sub(plain, text)).split())


def leans(question: str) -> bool:
    """Whether a question in a thread is asked together with the one before it.

    It is if it begins with *and*, *but*, *or*, *what about* or *how about*, or has at most three words.
    """
    return bool(_LEANING.match(question)) or len(question.split()) <= SHORT


def joined(previous: str, question: str) -> str:
    """Return a question that leans on the `previous` one as one that stands alone, if there is room for both."""
    both = f"{previous} {question}"
    return both if len(both) <= MAX_CHARACTERS else question

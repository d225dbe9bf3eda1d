"""Asking all questions once, with a journal from which an interrupted run goes on.

The journal is JSON Lines: a header, then a line for each answer as it comes, keyed by the question and the
index's fingerprint. A line cut off by the interruption is dropped. A question that failed is asked again
when the run is resumed; if it fails again, it counts as zero. A finished journal is renamed, so that the next
run in the same folder asks everything anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from eval.answerers import Answering, Wire
from eval.errors import AnswerError, RunError
from eval.questions import Question

FORMAT = 1
UNFINISHED, FINISHED = "answers.partial.jsonl", "answers.jsonl"

Progress = Callable[[int, int], None]
"""Called with how many of how many questions are done."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one question: a body, or an error. `milliseconds` is the asker's wall-clock time."""

    body: Wire | None
    error: str | None
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """Replies to questions, by question id, of one index."""

    answering: str
    fingerprint: str
    replies: dict[str, Reply]


def run(
    questions: Sequence[Question], answering: Answering, folder: Path, progress: Progress | None = None
) -> Run:
    """Ask what the journal in `folder` does not hold yet, and return the replies to all questions.

    Raises `RunError` where an unfinished journal belongs to another index or program, and where the index
    changes under the run.
    """
    fingerprint = answering.fingerprint()
    journal = folder / UNFINISHED
    held = _resume(journal, {"format": FORMAT, "fingerprint": fingerprint, "program": answering.program})
    replies: dict[str, Reply] = {}
    with journal.open("ab") as file:
        for done, question in enumerate(questions):
            if progress is not None:
                progress(done, len(questions))
            key = _key(question.text, fingerprint)
            if key not in held or held[key].body is None:
                held[key] = _ask(question.text, answering, fingerprint)
                file.write(_line(key, question, held[key]))
                file.flush()
            replies[question.id] = held[key]
        if progress is not None:
            progress(len(questions), len(questions))
    journal.replace(folder / FINISHED)
    return Run(answering.name, fingerprint, replies)


def _ask(question: str, answering: Answering, fingerprint: str) -> Reply:
    start = perf_counter()
    body, problem = None, None
    try:
        body = answering.ask(question)
    except AnswerError as error:
        problem = str(error)
    milliseconds = (perf_counter() - start) * 1000
    if body is not None and body["index"]["fingerprint"] != fingerprint:
        raise RunError(
            f"the index changed during the run: {fingerprint} at its start, "
            f"{body['index']['fingerprint']} now. Start a new run"
        )
    return Reply(body, problem, milliseconds)


def _resume(journal: Path, header: dict[str, Any]) -> dict[str, Reply]:
    """Return the replies that the journal holds; begin one where there is none."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    data = journal.read_bytes() if journal.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        journal.write_bytes(whole)
    lines = whole.splitlines()
    if not lines:
        journal.write_bytes(orjson.dumps(header) + b"\n")
        return {}
    begun = _parsed(journal, 1, lines[0])
    for name, now in header.items():
        if begun.get(name) != now:
            raise RunError(
                f"{journal} was begun with {name} {begun.get(name)!r}, and it is {now!r} now: "
                "name another folder, or delete this file to begin again"
            )
    replies = {}
    for number, line in enumerate(lines[1:], start=2):
        entry = _parsed(journal, number, line)
        replies[entry["key"]] = Reply(entry["body"], entry["error"], entry["milliseconds"])
    return replies


def _parsed(journal: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RunError(f"{journal}:{number}: not JSON ({error}). Delete the file to begin again") from error
    if not isinstance(parsed, dict):
        raise RunError(f"{journal}:{number}: not an entry of a journal. Delete the file to begin again")
    return parsed


def _line(key: str, question: Question, reply: Reply) -> bytes:
    entry = {
        "key": key,
        "question": question.text,
        "body": reply.body,
        "error": reply.error,
        "milliseconds": reply.milliseconds,
    }
    return orjson.dumps(entry) + b"\n"


def _key(question: str, fingerprint: str) -> str:
    return hashlib.sha256(orjson.dumps([question, fingerprint])).hexdigest()[:24]

"""What the service remembers: bounded, shared between threads and processes, and safe to lose."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.ledger import (
    FILE,
    SCOPES,
    DamagedLedgerError,
    Feedback,
    Ledger,
    UnknownAnswerError,
    UnknownKeyError,
    now,
)
from service.types import Answer, IndexInfo, Timings
from service.wire import ask_body

REFUSAL = Answer(
    "a", "not_in_document", 0.1, None, (), (), IndexInfo("f", "tiny", 0, 0), Timings(1.0, 2.0, 3.0, 6.0)
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with_three = Ledger.open(tmp_path, keep_answers=3)
    yield with_three
    with_three.close()


def said(answer_id: str, helpful: bool = False) -> Feedback:
    return Feedback(answer_id, helpful, "the wrong year", "api", now())


def kept(ledger: Ledger, *ids: str) -> list[str]:
    found = []
    for answer_id in ids:
        try:
            found.append(ledger.answer(answer_id).body["answer_id"])
        except UnknownAnswerError:
            continue
    return found


def test_an_answer_is_kept_as_it_was_sent(ledger: Ledger, tmp_path: Path) -> None:
    ledger.keep(REFUSAL, "Why?")
    ledger.close()
    again = Ledger.open(tmp_path)
    answer = again.answer("a")
    assert (answer.question, answer.body) == ("Why?", ask_body(REFUSAL))
    assert datetime.now(UTC) - datetime.fromisoformat(answer.at) < timedelta(minutes=5)
    again.close()


def test_only_so_many_answers_are_kept_and_those_with_feedback_stay(ledger: Ledger) -> None:
    ledger.keep(replace(REFUSAL, answer_id="0"), "q")
    ledger.add_feedback(said("0"))
    for answer_id in "123456":
        ledger.keep(replace(REFUSAL, answer_id=answer_id), "q")
    assert kept(ledger, *"0123456") == ["0", "4", "5", "6"]


def test_old_answers_are_forgotten(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, keep_answers=3, keep_days=1e-9)
    ledger.keep(REFUSAL, "q")
    ledger.keep(replace(REFUSAL, answer_id="b"), "q")
    assert kept(ledger, "a") == []
    ledger.close()


def test_none_are_kept_where_none_is_wanted(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, keep_answers=0)
    ledger.keep(REFUSAL, "q")
    assert kept(ledger, "a") == []
    ledger.close()


def test_feedback_comes_with_its_answer(ledger: Ledger) -> None:
    ledger.keep(REFUSAL, "Why?")
    good, bad = said("a", helpful=True), said("a")
    ledger.add_feedback(good)
    ledger.add_feedback(bad)
    assert [feedback for feedback, _ in ledger.feedback()] == [good, bad]
    assert [(feedback, answer.question) for feedback, answer in ledger.feedback(helpful=False)] == [
        (bad, "Why?")
    ]
    with pytest.raises(UnknownAnswerError, match="'b'"):
        ledger.add_feedback(said("b"))


def test_a_mark_is_new_once_across_threads_processes_and_restarts(tmp_path: Path) -> None:
    one, other = Ledger.open(tmp_path), Ledger.open(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda i: (one, other)[i % 2].first_time("slack", str(i // 16)), range(64)))
    assert sum(firsts) == 4
    one.close()
    other.close()
    later = Ledger.open(tmp_path)
    assert not later.first_time("slack", "0")
    assert later.first_time("jobs", "0")
    later.close()


def test_a_value_is_remembered_in_place_of_the_one_before(tmp_path: Path) -> None:
    for value in ("Why?", "When?"):
        ledger = Ledger.open(tmp_path)
        ledger.remember("thread", "C1:1", value)
        ledger.close()
    again = Ledger.open(tmp_path)
    assert again.recall("thread", "C1:1") == "When?"
    assert again.recall("thread", "C1:2") is None
    assert again.first_time("post", "C1:1")
    again.close()


def test_a_key_is_known_by_its_token_alone(ledger: Ledger, tmp_path: Path) -> None:
    key, token = ledger.add_key("laptop", "write")
    assert len(token.removeprefix("pincite_")) == 43, "256 bits"
    assert key.last_four == token[-4:]
    assert ledger.keys() == [key]
    assert ledger.key_of(token) == key
    assert ledger.key_of(token[:-1]) is None
    assert ledger.key_of("\ud800") is None
    assert token.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_scope_includes_those_below_it(ledger: Ledger) -> None:
    table = {scope: [ledger.add_key("x", scope)[0].may(asked) for asked in SCOPES] for scope in SCOPES}
    assert table == {"read": [True, False, False], "write": [True, True, False], "admin": [True, True, True]}


def test_a_revoked_key_is_refused_by_other_processes_too(ledger: Ledger, tmp_path: Path) -> None:
    key, token = ledger.add_key("laptop", "read")
    other = Ledger.open(tmp_path)
    assert other.revoke_key(key.id) == key
    assert ledger.key_of(token) is None
    with pytest.raises(UnknownKeyError, match=key.id):
        ledger.revoke_key(key.id)
    other.close()


@pytest.mark.parametrize("content", [b"not a database, but long enough to look at" * 100, None])
def test_row_42_a_file_that_is_no_ledger_is_named_and_left_alone(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / FILE
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE other (x)")
        connection.close()
        content = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(DamagedLedgerError, match=r"ledger\.sqlite is not a Pincite ledger"):
        Ledger.open(tmp_path)
    assert path.read_bytes() == content


def test_another_format_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE meta SET value = '9'")
    connection.close()
    with pytest.raises(DamagedLedgerError, match="has format 9, this version reads 1"):
        Ledger.open(tmp_path)


def test_questions_are_for_the_owner_of_the_folder_only(ledger: Ledger, tmp_path: Path) -> None:
    ledger.keep(REFUSAL, "q")
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}

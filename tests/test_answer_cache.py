"""Answers given again: the same as the first time, and never from an index that is no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from index.errors import UnknownDocumentError
from index.library import Library
from service.answer_cache import CachingAnswerer
from service.answering import Answerer
from service.questions import QuestionError
from service.refusal import Refusal
from service.types import Answer, Timings

ALWAYS = Refusal(0.0, {}, threshold=0.0)
QUESTION = "What does the badge open?"
NO_TIME = Timings(0.0, 0.0, 0.0, 0.0)


def untimed(answer: Answer) -> Answer:
    return replace(answer, timings_ms=NO_TIME)


@pytest.fixture
def cached(library: Library) -> CachingAnswerer:
    library.add(b"# Guide\n\nThe badge opens the door. The office opens at nine.", "guide.md")
    return CachingAnswerer(library, remembered=2, refusal=ALWAYS)


def test_a_question_asked_again_gets_the_same_answer(cached: CachingAnswerer) -> None:
    first = cached.answer(QUESTION)
    again = cached.answer(f"  {QUESTION.replace(' ', '  ')} ")
    assert again.passages is first.passages, "it was not searched again"
    assert (
        untimed(again) == untimed(first) == untimed(Answerer(cached.library, refusal=ALWAYS).answer(QUESTION))
    )


def test_the_time_is_that_of_this_request(cached: CachingAnswerer) -> None:
    first, again = cached.answer(QUESTION).timings_ms, cached.answer(QUESTION).timings_ms
    assert first.embed > 0
    assert (again.embed, again.search) == (0.0, 0.0)
    assert 0 < again.total == again.answer != first.total


def test_options_are_part_of_the_question(cached: CachingAnswerer) -> None:
    (document,) = cached.library.documents()
    everything = cached.answer(QUESTION)
    assert cached.answer(QUESTION, top_k=1).passages is not everything.passages
    assert cached.answer(QUESTION, max_citations=1).passages is not everything.passages
    assert cached.answer(QUESTION, document_ids=[document.id]).passages is not everything.passages


def test_a_new_snapshot_drops_all_answers(cached: CachingAnswerer) -> None:
    before = cached.answer(QUESTION)
    cached.library.add(b"The badge opens the window.", "window.txt")
    after = cached.answer(QUESTION)
    assert after.index.fingerprint != before.index.fingerprint
    assert {"The badge opens the window."} & {citation.cited_text for citation in after.citations}


def test_an_answer_over_two_snapshots_is_not_kept(
    cached: CachingAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = cached.library.embedder.embed_question

    def overtaken(text: str) -> object:
        monkeypatch.undo()
        cached.library.add(b"The badge opens the window.", "window.txt")
        return slow(text)

    monkeypatch.setattr(cached.library.embedder, "embed_question", overtaken)
    old = cached.answer(QUESTION)
    assert cached.answer(QUESTION).index.fingerprint != old.index.fingerprint


def test_few_answers_are_kept(cached: CachingAnswerer) -> None:
    oldest = cached.answer(QUESTION)
    newer = cached.answer("When does the office open?")
    assert cached.answer(QUESTION).passages is oldest.passages, "two fit"
    cached.answer("A third question?")
    assert cached.answer(QUESTION).passages is oldest.passages, "it was asked later than the one that went"
    assert cached.answer("When does the office open?").passages is not newer.passages


def test_what_cannot_be_answered_is_refused_each_time(cached: CachingAnswerer) -> None:
    for _ in range(2):
        with pytest.raises(QuestionError):
            cached.answer("  ")
        with pytest.raises(UnknownDocumentError):
            cached.answer(QUESTION, document_ids=["nowhere"])

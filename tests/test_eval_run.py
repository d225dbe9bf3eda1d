"""A run asks everything once, goes on after an interruption, and counts what failed as zero."""

from __future__ import annotations

from pathlib import Path

import httpx
import orjson
import pytest
from fake_service import FakeService, body, source
from fastapi.testclient import TestClient

from eval.answerers import InProcess, OverHttp
from eval.errors import AnswerError, RunError
from eval.extents import Extent
from eval.questions import Fact, Question
from eval.run import FINISHED, UNFINISHED, Reply, run
from eval.scoring import score
from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.client import Client
from service.refusal import Refusal
from service.settings import Settings

GUIDE = source("The office opens at nine. The door is green.")
OPENS, DOOR = "When does it open?", "Which colour has the door?"


def question(identity: str, text: str, quote: str = "") -> Question:
    start = GUIDE.text.index(quote)
    evidence = Extent.of([(GUIDE.sha256, start, start + len(quote))])
    return Question(identity, "fact", "tune", text, (Fact(quote, (evidence,)),) if quote else (), Extent())


QUESTIONS = [
    question("a-1", OPENS, "The office opens at nine."),
    question("a-2", DOOR, "The door is green."),
    question("a-3", "Who paints it?"),
]
BODIES = {
    OPENS: body(GUIDE, cited=["The office opens at nine."]),
    DOOR: body(GUIDE, cited=["The door is green."]),
    "Who paints it?": body(GUIDE, confidence=0.1),
}


def test_row_59_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Row 59 of the bad inputs."""
    service = FakeService(BODIES)
    service.down_after = 2
    with pytest.raises(KeyboardInterrupt):
        run(QUESTIONS, service, tmp_path)
    journal = tmp_path / UNFINISHED
    journal.write_bytes(journal.read_bytes()[:-20])  # the last line was being written
    again = FakeService(BODIES)
    replies = run(QUESTIONS, again, tmp_path).replies
    assert again.asked == [DOOR, "Who paints it?"]
    assert replies["a-1"].body == BODIES[OPENS]
    assert (tmp_path / FINISHED).exists()
    assert not journal.exists()


def test_row_59_a_failed_question_is_a_zero_and_is_asked_again_on_resuming(tmp_path: Path) -> None:
    failing = FakeService({OPENS: BODIES[OPENS], "Who paints it?": BODIES["Who paints it?"]})
    finished = run(QUESTIONS, failing, tmp_path)
    scores = [score(q, finished.replies[q.id], [GUIDE]) for q in QUESTIONS]
    assert [s.fact_recall for s in scores] == [1, 0, 0]
    assert scores[1].error == "HTTP 500: it broke"
    assert [s.failed for s in scores] == [False, True, False]
    assert not scores[1].answered
    assert (scores[1].citations.precision, scores[1].citation_recall, scores[1].ranked.ndcg_10) == (0, 0, 0)
    (tmp_path / FINISHED).rename(tmp_path / UNFINISHED)
    mended = FakeService(BODIES)
    assert run(QUESTIONS, mended, tmp_path).replies["a-2"].body == BODIES[DOOR]
    assert mended.asked == [DOOR]


def test_a_finished_run_is_asked_anew(tmp_path: Path) -> None:
    run(QUESTIONS, FakeService(BODIES), tmp_path)
    again = FakeService(BODIES)
    run(QUESTIONS, again, tmp_path)
    assert len(again.asked) == len(QUESTIONS)


@pytest.mark.parametrize("change", ["index", "program"])
def test_a_journal_of_another_index_or_program_is_not_gone_on_with(tmp_path: Path, change: str) -> None:
    service = FakeService(BODIES)
    service.down_after = 1
    with pytest.raises(KeyboardInterrupt):
        run(QUESTIONS, service, tmp_path)
    other = FakeService(BODIES)
    setattr(other, change, "e" * 16)
    with pytest.raises(RunError, match="name another folder, or delete this file"):
        run(QUESTIONS, other, tmp_path)


def test_an_index_that_changes_under_the_run_stops_it(tmp_path: Path) -> None:
    service = FakeService({**BODIES, DOOR: body(GUIDE, fingerprint="e" * 16)})
    with pytest.raises(RunError, match=r"the index changed during the run: f+ at its start, e+ now"):
        run(QUESTIONS, service, tmp_path)


@pytest.mark.parametrize("line", [b"{broken\n", b"[]\n"])
def test_a_broken_journal_is_named(tmp_path: Path, line: bytes) -> None:
    (tmp_path / UNFINISHED).write_bytes(line)
    with pytest.raises(RunError, match=r"answers\.partial\.jsonl:1: "):
        run(QUESTIONS, FakeService(BODIES), tmp_path)


def test_a_quote_that_is_not_exact_is_no_evidence() -> None:
    altered = orjson.loads(orjson.dumps(BODIES[OPENS]))
    altered["citations"][0]["spans"][0]["text"] = "The office opens at ten."
    measured = score(QUESTIONS[0], run_one(altered), [GUIDE])
    assert not measured.exact
    assert (measured.fact_recall, measured.citation_recall, measured.citation_precision) == (0, 0, 0)
    assert score(QUESTIONS[0], run_one(BODIES[OPENS]), [GUIDE]).exact


def run_one(answer: dict[str, object]):

    return Reply(answer, None, 1.0)


@pytest.fixture
def answerer(library: Library) -> Answerer:
    library.add(GUIDE.text.encode(), GUIDE.name)
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


def over(answerer: Answerer) -> OverHttp:
    """The service around the answerer, asked as a running one would be."""
    app = TestClient(create_app(answerer, Settings()))

    def forward(request: httpx.Request) -> httpx.Response:
        found = app.post(request.url.path, content=request.content, headers=dict(request.headers))
        return httpx.Response(found.status_code, content=found.content, headers=dict(found.headers))

    return OverHttp(Client("http://test", transport=httpx.MockTransport(forward)))


def test_http_and_in_process_give_the_same_scores(answerer: Answerer, tmp_path: Path) -> None:
    scores = []
    for answering in (InProcess(answerer), over(answerer)):
        replies = run(QUESTIONS, answering, tmp_path / answering.name.replace("/", "")).replies
        found = [score(q, replies[q.id], [GUIDE]) for q in QUESTIONS]
        scores.append([(s.shown, s.confidence, s.fact_recall, s.citations, s.citation_recall) for s in found])
    assert scores[0] == scores[1]
    assert scores[0][0][0].citations, "something was cited"


def test_what_cannot_be_asked_is_an_error_on_both_ways(answerer: Answerer) -> None:
    for answering in (InProcess(answerer), over(answerer)):
        with pytest.raises(AnswerError):
            answering.ask("x" * 2001)


def served(response: httpx.Response) -> OverHttp:
    return OverHttp(Client("http://test", transport=httpx.MockTransport(lambda _: response)))


def test_an_answer_comes_as_it_was_sent() -> None:
    assert served(httpx.Response(200, json=BODIES[OPENS])).ask(OPENS) == BODIES[OPENS]


@pytest.mark.parametrize("content", ["<html>", "[]", "{}"])
def test_an_answer_of_another_form_is_an_error(content: str) -> None:
    service = served(httpx.Response(200, text=content))
    with pytest.raises(AnswerError):
        service.ask(OPENS)
    with pytest.raises(RunError, match="http://test does not answer"):
        service.fingerprint()


def test_a_service_that_is_not_there_is_an_error() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    service = OverHttp(Client("http://test", transport=httpx.MockTransport(refuse)))
    with pytest.raises(RunError, match="ConnectError: refused"):
        service.fingerprint()

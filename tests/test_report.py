"""The report in its three forms, and the comparison of two."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from fake_service import FakeService, body, source
from rich.console import Console

from eval.compare import changed_questions, compare, print_comparison
from eval.errors import RunError
from eval.extents import Extent
from eval.plots import reliability_plot, risk_coverage_plot, waterfall_plot
from eval.questions import Fact, Question
from eval.refusals import Bin
from eval.report import Evaluated, print_summary, read_report, report, write_report
from eval.run import run
from eval.scoring import score
from eval.summary import MEASURES

HOURS = [f"Room {i} opens at {i} and <b>closes</b> late." for i in range(1, 21)]
GUIDE = source(" ".join(HOURS))


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.significance.RESAMPLES", 100)


def questions() -> list[Question]:
    asked = []
    for i, text in enumerate(HOURS, start=1):
        start = GUIDE.text.index(text)
        evidence = Extent.of([(GUIDE.sha256, start, start + len(text))])
        asked.append(
            Question(
                f"fact-{i:02d}",
                "fact",
                "tune",
                f"When does room {i} open?",
                (Fact(text, (evidence,)),),
                Extent(),
            )
        )
    nothing = [
        Question(f"miss-{i}", "near_miss", "tune", f"Who owns {i}?", (), Extent(), "en", "x")
        for i in range(5)
    ]
    return asked + nothing


def evaluated(folder: Path, right: int, refused: int = 5) -> Evaluated:
    """Return a run that answers the first `right` questions rightly and the rest by another room's hours."""
    bodies = {}
    for i, question in enumerate(questions()):
        if question.answerable:
            cited = question.facts[0].text if i < right else HOURS[(i + 1) % len(HOURS)]
            bodies[question.text] = body(GUIDE, cited=[cited], confidence=0.9)
        elif int(question.id[-1]) < refused:
            bodies[question.text] = body(GUIDE, passages=[HOURS[0]], confidence=0.2)
        else:
            bodies[question.text] = body(GUIDE, cited=[HOURS[0]], confidence=0.95)
    finished = run(questions(), FakeService(bodies), folder)
    scores = [score(q, finished.replies[q.id], [GUIDE]) for q in questions()]
    return Evaluated.of("rooms", None, finished, [GUIDE], scores, None)


def figures(data: dict[str, Any]) -> dict[str, float]:
    return {figure["name"]: figure["value"] for figure in data["figures"]}


def test_the_figures_of_a_run(tmp_path: Path) -> None:
    data = report(evaluated(tmp_path, right=15, refused=3))
    found = figures(data)
    assert found["fact_recall"] == found["completeness"] == found["char_precision"] == 15 / 20
    assert (found["false_refusals"], found["false_answers"]) == (0, 2 / 5)
    assert found["failures"] == pytest.approx((5 + 2) / 25)
    assert found["auroc"] == found["auroc_near"] == 3 / 5
    assert found["brier"] == pytest.approx((15 * 0.1**2 + 5 * 0.9**2 + 3 * 0.2**2 + 2 * 0.95**2) / 25)
    assert (found["exact"], found["server_ms"]) == (1, 1)
    assert {k: v for k, v in data["stages"].items() if v} == {"retrieval": 5, "refusal": 2}
    assert data["kinds"] == [
        {"kind": "fact", "questions": 20, "served": 15 / 20},
        {"kind": "near_miss", "questions": 5, "served": 3 / 5},
    ]
    assert all(figure["low"] <= figure["value"] <= figure["high"] for figure in data["figures"])


class Page(HTMLParser):
    """Collects what a page would load or run, its texts and its details."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            f"{tag} {k}" for k, v in attrs if k in ("src", "href", "srcset", "onclick", "onload") and v
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_self_contained_and_opens_every_question(tmp_path: Path) -> None:
    write_report(evaluated(tmp_path, right=15), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert page.loads == []
    assert "script" not in page.tags
    assert not re.search(r"url\(|@import", html)
    assert page.tags.count("details") == 25
    assert page.tags.count("svg") == 3
    assert "b" not in page.tags, "what a document says is text"
    assert "Room 7 opens at 7 and <b>closes</b> late." in page.text
    for wanted in ("Risk over coverage", "Reliability", "Waterfall", "retrieval", "miss-3", "0.750"):
        assert wanted in page.text


def test_json_is_read_back(tmp_path: Path) -> None:
    found = evaluated(tmp_path, right=15)
    write_report(found, tmp_path)
    assert read_report(tmp_path) == orjson.loads(orjson.dumps(report(found)))
    with pytest.raises(RunError, match=r"report\.json is not there"):
        read_report(tmp_path / "other")
    (tmp_path / "report.json").write_text('{"format": 0}')
    with pytest.raises(RunError, match="not a report of format 1"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(RunError, match="is not JSON"):
        read_report(tmp_path)


def test_the_table_in_the_terminal(tmp_path: Path) -> None:
    console = Console(width=120, record=True, file=StringIO())
    print_summary(evaluated(tmp_path, right=15), console)
    text = console.export_text()
    assert re.search(r"Fact recall, citations +0\.750 +0\.\d+ - 0\.\d+ +20", text)
    assert "Failed questions by the stage that lost them: retrieval 5" in text


def test_two_runs_that_differ_clearly(tmp_path: Path) -> None:
    before = report(evaluated(tmp_path / "a", right=3))
    after = report(evaluated(tmp_path / "b", right=19))
    lines = {line.label: line for line in compare(before, after)}
    recall = lines["Fact recall, citations"]
    assert (recall.before, recall.after, recall.verdict) == (3 / 20, 19 / 20, "better")
    assert recall.difference.value == pytest.approx(16 / 20)
    assert lines["Failed questions"].verdict == "better"
    assert lines["Fact recall, citations"].questions == 20
    assert {line.verdict for line in compare(after, before)} >= {"worse"}
    assert len(changed_questions(before, after)) == 16


def test_two_runs_that_cannot_be_told_apart(tmp_path: Path) -> None:
    before = report(evaluated(tmp_path / "a", right=15))
    after = report(evaluated(tmp_path / "b", right=17))
    quality = [line for line in compare(before, after) if line.unit == "share"]
    assert {line.verdict for line in quality} == {"indistinguishable"}
    console = Console(width=160, record=True, file=StringIO())
    print_comparison(before, after, console)
    text = console.export_text()
    assert "indistinguishable" in text
    assert re.search(r"Latency, mean .* - +not tested", text), "a time hangs on the load of the machine"
    assert "fact-16: no longer lost by retrieval: When does room 16 open?" in text


def test_confidence_that_tells_more_is_seen(tmp_path: Path) -> None:
    before = report(evaluated(tmp_path / "a", right=15, refused=0))
    after = report(evaluated(tmp_path / "b", right=15, refused=5))
    lines = {line.label: line for line in compare(before, after)}
    assert (lines["AUROC"].before, lines["AUROC"].after) == (0, 1)
    assert lines["AUROC"].difference.p < 0.05


def test_runs_over_different_questions_are_not_compared(tmp_path: Path) -> None:
    before = report(evaluated(tmp_path / "a", right=15))
    after = report(evaluated(tmp_path / "b", right=15))
    fewer = {**after, "questions": after["questions"][1:]}
    with pytest.raises(RunError, match="25 and 24, fact-01 in one only"):
        compare(before, fewer)
    after["questions"][2]["digest"] = "other"
    with pytest.raises(RunError, match="question fact-03 or its evidence differs"):
        compare(before, after)


def test_every_question_has_a_value_in_the_measures_it_belongs_to(tmp_path: Path) -> None:
    for question in report(evaluated(tmp_path, right=15))["questions"]:
        wanted = {
            m.name for m in MEASURES if m.over != ("unanswerable" if question["facts"] else "answerable")
        }
        assert question["values"].keys() == wanted


def test_plots_show_their_figures() -> None:
    bars = waterfall_plot(10, {"ranking": 3, "refusal": 1})
    assert re.findall(r">(\d+|[a-z]+)</text>", bars) == [
        "questions", "10", "ranking", "3", "refusal", "1", "served", "6",
    ]  # fmt: skip
    assert bars.count("<rect") == 4
    assert "answered 50%, of these wrong 20%" in risk_coverage_plot([0.5, 1.0], [0.2, 0.4], 0.5)
    assert reliability_plot([Bin(0.9, 0.8, 5), Bin(0.1, 0.0, 2)]).count("<circle") == 2
    assert "<svg" in risk_coverage_plot([], [], 0.0) + reliability_plot([])

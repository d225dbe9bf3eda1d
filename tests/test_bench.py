"""What the benchmarks are made of: texts, questions, figures. How fast anything is, no test says."""

from __future__ import annotations

import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from tiny import TinyEmbedder

from eval import bench, wrk
from eval.bench import Measured, compare, distinct_questions, report
from eval.growing import PARAGRAPHS, MixingEmbedder, Writer, planted, spread
from eval.load import Load
from eval.serving import Service

TEXT = (
    Path(bench.__file__).read_text("utf-8")
    + "\n\nThe old mill stands. A river runs by the mill. The end is near."
)


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer([TEXT])


def load(clients: int, rate: float) -> Load:
    return Load(clients, 10, rate, 1000 / rate, 2000 / rate, 0, 1000 / rate)


def test_questions_are_all_different(tmp_path: Path) -> None:
    path = tmp_path / "text.md"
    path.write_text(TEXT, "utf-8")
    questions = distinct_questions([path])
    assert len(set(questions)) == len(questions) > 50
    assert questions[0] == "How do I add a document?"
    assert all(len(question) < 200 for question in questions)


def test_documents_are_the_same_each_time_and_hold_their_facts(writer: Writer) -> None:
    facts = planted()[:3]
    text = writer.document(7, facts)
    assert text == Writer([TEXT]).document(7, facts)
    assert text.count("\n\n") == PARAGRAPHS
    assert all(text.count(fact.sentence) == 1 for fact in facts)
    assert writer.document(8, facts) != text


def test_facts_are_spread_over_the_documents() -> None:
    held = [mine for _, mine in spread(planted(), 10)]
    assert [len(mine) for mine in held] == [5] * 10
    assert len({fact.question for mine in held for fact in mine}) == len(planted())


def test_planted_texts_are_embedded_and_the_others_mixed() -> None:
    fact = planted()[0].sentence
    texts = [f"Text {i} about subject {i % 7}." for i in range(40)]
    embedder = MixingEmbedder(TinyEmbedder(), real=20)
    vectors = embedder.embed_passages([*texts, f"Before. {fact} After."])
    expected = TinyEmbedder().embed_passages([*texts, f"Before. {fact} After."])
    real = [*range(20), 40]
    assert np.array_equal(vectors[real], expected[real])
    assert not np.allclose(vectors[20:40], expected[20:40])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_services_are_measured_in_turn() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        services = [Service(name, 1, process, 0.5) for name in ("a", "b")]
        asked: list[tuple[str, int]] = []

        def ask(service: Service, questions: object, clients: int, seconds: float) -> Load:
            asked.append((service.name, clients))
            return load(clients, 10)

        measured = compare(services, ["?"], 1.0, 2, ask)
        assert process.stdin is not None
        process.stdin.close()
    assert asked == [("a", 1), ("b", 1), ("a", 8), ("b", 8), ("a", 32), ("b", 32)] * 2
    assert [each.name for each in measured] == ["a", "b"]
    assert all(each.megabytes > 0 for each in measured)


def test_the_report_has_ratios_round_by_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "REPORTS", tmp_path / "reports")
    rates = {"ours": [100.0, 300.0, 200.0], "theirs": [10.0, 10.0, 10.0]}
    measured = [
        Measured(name, 1.0, 100.0, {c: [load(c, rate) for rate in each] for c in (1, 8, 32)})
        for name, each in rates.items()
    ]
    console = Console(width=200, record=True)
    report(measured, "bench", console, 3)
    assert "requests/s 20.0 (10.0 to 30.0)" in console.export_text()
    svg = (tmp_path / "reports" / "bench.svg").read_text("utf-8")
    bars = ElementTree.fromstring(svg).findall("{http://www.w3.org/2000/svg}rect")
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths[0] / widths[1] == pytest.approx(20, rel=0.01)


@pytest.mark.parametrize(
    ("code", "out", "expected"),
    [
        (0, "Running 2s test\npincite 30 2000000 60428.0 110855.0 2\n", (30, 15.0, 60.428, 110.855, 2)),
        (1, "unable to connect to 127.0.0.1:1 Connection refused\n", (0, 0.0, math.inf, math.inf, 1)),
    ],
)
def test_figures_of_wrk(
    monkeypatch: pytest.MonkeyPatch, code: int, out: str, expected: tuple[float, ...]
) -> None:
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(Path(command[command.index("-s") + 1]).read_text("utf-8"))
        return subprocess.CompletedProcess(command, code, out, "")

    monkeypatch.setattr(wrk.subprocess, "run", run)
    monkeypatch.setattr(wrk.shutil, "which", lambda _: "wrk")
    process: Any = None
    found = wrk.by_wrk(Service("ours", 1, process, 0.5), ['Is it "open"?'], 8, 2.0)
    assert (found.requests, found.requests_per_second, found.p50, found.p99, found.errors) == expected
    assert r'[==[{"question": "Is it \"open\"?"}]==]' in asked[0]

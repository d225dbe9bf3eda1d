"""`pincite eval` as a person or CI uses it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from tiny import TinyEmbedder
from typer.testing import CliRunner

from eval.cli import FAILED, MISSED, app
from index.library import Library
from service.answering import Answerer
from service.ledger import Feedback, Ledger, now
from service.refusal import Refusal

TEXT = "# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine. The office closes at five.\n"
LINES = [
    {
        "id": "fact-01", "kind": "fact", "split": "tune", "question": "When does the office open?",
        "facts": [{"fact": "at nine", "evidence": [{"from": "The office opens at nine."}]}],
    },
    {
        "id": "fact-02", "kind": "fact", "split": "test", "question": "What opens the door?",
        "facts": [{"fact": "the badge", "evidence": [{"from": "The badge", "to": "door."}]}],
    },
    {"id": "far-01", "kind": "far", "split": "test", "question": "Who wrote Hamlet?", "facts": [], "note": "far"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("service.bootstrap.open_embedder", lambda _: TinyEmbedder())
    monkeypatch.setattr("eval.significance.RESAMPLES", 50)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A document and its question set."""
    guide, questions = tmp_path / "guide.md", tmp_path / "guide.jsonl"
    guide.write_text(TEXT, encoding="utf-8")
    questions.write_text("\n".join(map(json.dumps, LINES)) + "\n", encoding="utf-8")
    return str(guide), str(questions)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_run_reports_and_is_compared(files: tuple[str, str], tmp_path: Path) -> None:
    guide, questions = files
    for name in ("a", "b"):
        code, out, _ = run(
            "run", "--document", guide, "--questions", questions, "--out", str(tmp_path / name)
        )
        assert code == 0
        assert "guide (3 questions)" in out
        assert {path.name for path in (tmp_path / name).iterdir()} == {
            "answers.jsonl", "report.html", "report.json",
        }  # fmt: skip
    code, out, _ = run("compare", str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 0
    assert "indistinguishable" in out
    assert "better" not in out.replace("B is", "")


def test_one_split_alone_is_asked(files: tuple[str, str]) -> None:
    guide, questions = files
    code, out, _ = run("run", "--document", guide, "--questions", questions, "--split", "tune")
    assert code == 0
    assert "guide (1 questions)" in out
    assert Path(".pincite/eval/guide/report.html").exists()


@pytest.mark.parametrize(
    ("threshold", "code", "message"),
    [
        ("exact=1", 0, ""),
        ("exact=1.1", MISSED, "exact is 1.000, and must be at least 1.1"),
        ("failures=-1", MISSED, "and must be at most -1"),
        ("goodness=1", FAILED, "--require names 'goodness'; there is fact_recall"),
        ("exact", FAILED, "is not of the form 'fact_recall=0.85'"),
    ],
)
def test_thresholds_set_the_exit_code(
    files: tuple[str, str], threshold: str, code: int, message: str
) -> None:
    guide, questions = files
    found, _, err = run("run", "--document", guide, "--questions", questions, "--require", threshold)
    assert found == code
    assert message in err


def test_a_question_set_with_missing_evidence_refuses_to_run(files: tuple[str, str]) -> None:
    """Row 58 of the bad inputs."""
    guide, questions = files
    Path(questions).write_text(Path(questions).read_text().replace("The office opens at nine.", "The office"))
    code, _, err = run("run", "--document", guide, "--questions", questions)
    assert code == FAILED
    assert f"{questions}:1: 'The office' is in the source 2 times (guide.md:7, guide.md:7)" in err
    assert not Path(".pincite").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "train"], "there is no split 'train': tune or test"),
        (["--questions", "absent.jsonl"], "no question set absent.jsonl"),
        (["--index", "absent"], "absent"),
        (["--url", "http://127.0.0.1:9"], "does not answer"),
        (["--url", "http://127.0.0.1:9", "--header", "key"], "not of the form 'Name: value'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    files: tuple[str, str], arguments: list[str], message: str
) -> None:
    guide, questions = files
    given = arguments if "--questions" in arguments else ["--questions", questions, *arguments]
    code, out, err = run("run", "--document", guide, *given)
    assert (code, out) == (FAILED, "")
    assert message in err
    assert "Traceback" not in err


def test_check_counts_the_questions(files: tuple[str, str]) -> None:
    guide, questions = files
    code, out, _ = run("check", "--document", guide, "--questions", questions)
    assert code == 0
    assert "3 questions, 1 of them without an answer." in out


def test_candidates_become_lines_of_a_set(files: tuple[str, str], tmp_path: Path) -> None:
    guide, questions = files
    asked = [
        {"question": "When does it close?", "reason": "not helpful", "answer_id": "a", "citations": []},
        {"question": "Who paints the door?"},
        {"question": "When does it close?", "reason": "wrong"},
    ]
    file = tmp_path / "candidates.jsonl"
    file.write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    code, out, _ = run("candidates", str(file))
    assert (code, out.splitlines()) == (
        0, ["  1  When does it close?  (wrong)", "  2  Who paints the door?  (no reason given)"],
    )  # fmt: skip
    into = ["--into", questions, "--document", guide]
    assert (
        run("candidates", str(file), "--take", "1", *into, "--from", "The office closes", "--to", "five.")[0]
        == 0
    )
    assert run("candidates", str(file), "--take", "2", *into, "--unanswerable", "--kind", "near_miss")[0] == 0
    code, out, _ = run("check", "--document", guide, "--questions", questions)
    assert "5 questions, 2 of them without an answer." in out
    added = [json.loads(line) for line in Path(questions).read_text().splitlines()[3:]]
    assert [line["id"] for line in added] == ["asked-01", "near-miss-01"]
    assert added[0]["facts"] == [
        {"fact": "The office closes at five.", "evidence": [{"from": "The office closes", "to": "five."}]}
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--take", "9"], "holds 1 candidates, not 9"),
        (["--take", "1"], "--take needs --into"),
        (["--take", "1", "--from", "The window"], "'The window' is not in guide.md"),
    ],
)
def test_a_candidate_that_cannot_be_added(
    files: tuple[str, str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    guide, questions = files
    file = tmp_path / "candidates.jsonl"
    file.write_text('{"question": "When does it close?"}\n', encoding="utf-8")
    before = Path(questions).read_text()
    into = ["--into", questions, "--document", guide] if "--from" in arguments else []
    code, _, err = run("candidates", str(file), *arguments, *into)
    assert code == FAILED
    assert message in err
    assert Path(questions).read_text() == before


def test_a_candidate_with_the_evidence_of_a_question_joins_its_split(
    files: tuple[str, str], tmp_path: Path
) -> None:
    guide, questions = files
    file = tmp_path / "candidates.jsonl"
    file.write_text('{"question": "By what is the door opened?"}\n', encoding="utf-8")
    code, out, _ = run(
        "candidates", str(file), "--take", "1", "--into", questions, "--document", guide,
        "--from", "The badge opens", "--to", "door.",
    )  # fmt: skip
    assert (code, out.strip()) == (0, f"Added asked-01 (test) to {questions}.")


def test_what_did_not_help_becomes_a_line_of_a_set(files: tuple[str, str], tmp_path: Path) -> None:
    """From the answer somebody got, over the feedback in the ledger, to a question of the set."""
    guide, questions = files
    with closing(Library.create(tmp_path / "index", TinyEmbedder())) as library:
        library.add(TEXT.encode(), "guide.md")
        answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))
        ledger = Ledger.open(tmp_path / "index")
        for question, helpful, reason, origin in (
            ("When does [bold]it[/bold] close?", False, "It is at five.", "slack"),
            ("What opens the door?", True, "", "page"),
            ("Who paints the door?", False, "", "api"),
        ):
            answer = answerer.answer(question)
            ledger.keep(answer, question)
            ledger.add_feedback(Feedback(answer.answer_id, helpful, reason, origin, now()))
        ledger.close()
    from_ledger = ["candidates", "--index", str(tmp_path / "index")]
    code, out, _ = run(*from_ledger)
    assert code == 0
    first, second = out.strip().split("\n  2  ")
    assert first.startswith("1  When does [bold]it[/bold] close?  (It is at five.)\n     answer ")
    assert ", from slack\n     [1] Guide, line " in first
    assert second.startswith("Who paints the door?  (no reason given)\n     answer ")
    assert "office" not in out, "what documents say stays in them"
    into = ["--into", questions, "--document", guide]
    assert run(*from_ledger, "--take", "1", *into, "--from", "The office closes", "--to", "five.")[0] == 0
    assert run(*from_ledger, "--take", "2", *into, "--unanswerable")[0] == 0
    assert "5 questions, 2 of them" in run("check", "--document", guide, "--questions", questions)[1]


def test_an_index_that_no_service_used_has_no_candidates(tmp_path: Path) -> None:
    code, _, err = run("candidates", "--index", str(tmp_path))
    assert code == FAILED
    assert "no service has kept answers of this index yet" in err
    assert not list(tmp_path.iterdir())


def test_a_line_that_the_checks_do_not_take_changes_nothing(files: tuple[str, str], tmp_path: Path) -> None:
    guide, questions = files
    file = tmp_path / "candidates.jsonl"
    file.write_text(json.dumps({"question": "why " * 600}) + "\n", encoding="utf-8")
    before, present = Path(questions).read_text(), set(tmp_path.iterdir())
    code, _, err = run(
        "candidates", str(file), "--take", "1", "--into", questions, "--document", guide, "--unanswerable"
    )
    assert code == FAILED
    assert f"{questions}:4: question: String should have at most 2000 characters" in err
    assert (Path(questions).read_text(), set(tmp_path.iterdir())) == (before, present)


def test_benchmarks_are_named(tmp_path: Path) -> None:
    code, _, err = run("benchmark", "other", str(tmp_path))
    assert code == FAILED
    assert "there is no benchmark 'other': beir, chunking, clapnq, financebench" in err

"""Question sets: evidence is found by its words, and a line that cannot be trusted stops the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_service import source
from hypothesis import given
from hypothesis import strategies as st

from eval.errors import QuestionSetError
from eval.extents import Extent
from eval.questions import load_questions
from eval.quotes import Quote, QuoteError, Source, locate
from index.lexical import terms

ROOT = Path(__file__).resolve().parent.parent
SETS = ROOT / "eval" / "questions"
TEXT = "The office opens at\nnine. The door is green. The office closes at five, the door is locked."
GUIDE = source(TEXT)


def line(**changed: Any) -> dict[str, Any]:
    asked = {"id": "a-1", "kind": "fact", "split": "tune", "question": "When does it open?"}
    return {
        **asked,
        "facts": [{"fact": "nine", "evidence": [{"from": "The office opens", "to": "nine."}]}],
    } | changed


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in lines), encoding="utf-8")
    return path


def quoted(**words: str) -> str:
    _, start, end = locate(Quote.model_validate(words), [GUIDE])
    return TEXT[start:end]


def test_a_quote_is_found_by_its_first_and_last_words() -> None:
    assert quoted(**{"from": "The office opens", "to": "nine."}) == "The office opens at\nnine."
    assert quoted(**{"from": "opens at nine."}) == "opens at\nnine.", "white space matches any white space"
    assert quoted(**{"from": "The office", "to": "five", "prefix": "green."}) == "The office closes at five"
    assert quoted(**{"from": "the door is", "suffix": "locked"}) == "the door is"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"from": "The window"}, "from 'The window' is not in guide.txt"),
        ({"from": "The door", "to": "red."}, "to 'red.' is not in guide.txt"),
        ({"from": "locked.", "to": "nine."}, "'locked.' ... 'nine.' is not in guide.txt within 2000"),
        ({"from": "The office"}, "'The office' is in the source 2 times (guide.txt:1, guide.txt:2)"),
        ({"from": "The off"}, "is not in guide.txt"),
        (
            {"from": "nine.", "document": "other.txt"},
            "no document is named 'other.txt'; there is 'guide.txt'",
        ),
    ],
)
def test_row_58_a_quote_that_names_no_span_or_several_is_an_error(
    words: dict[str, str], problem: str
) -> None:
    with pytest.raises(QuoteError) as caught:
        quoted(**words)
    assert problem in str(caught.value)


@given(st.data())
def test_any_unique_span_is_found_again(data: st.DataObject) -> None:
    words = [f"w{i}" for i in range(30)]
    start = data.draw(st.integers(0, 29))
    end = data.draw(st.integers(start, 29))
    document = source(" ".join(words))
    named = {"from": words[start], "to": words[end] if end > start else None}
    found = locate(Quote.model_validate(named), [document])
    assert document.text[found[1] : found[2]] == " ".join(words[start : end + 1])


def test_a_line_becomes_a_question(tmp_path: Path) -> None:
    evidence = [{"from": "The door is green."}]
    facts = [
        {"fact": "green", "evidence": evidence, "alternatives": [[{"from": "door is", "suffix": "locked"}]]}
    ]
    path = write(tmp_path / "set.jsonl", line(), line(id="a-2", split="test", facts=facts, language="es"))
    first, second = load_questions(path, [GUIDE])
    assert first.facts[0].evidence == (Extent(((GUIDE.sha256, 0, 25),)),)
    assert [TEXT[s:e] for extent in second.facts[0].evidence for _, s, e in extent.intervals] == [
        "The door is green.", "door is",
    ]  # fmt: skip
    assert load_questions(path, [GUIDE], "test") == (second,)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"facts": [{"fact": "x", "evidence": [{"from": "The window"}]}]}, "is not in guide.txt"),
        ({"facts": [{"fact": "x", "evidence": [{"from": "The office"}]}]}, "in the source 2 times"),
        ({"context": [{"from": "The office"}]}, "in the source 2 times"),
        ({"split": "train"}, "split: Input should be 'tune' or 'test'"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"facts": [{"fact": "x", "evidence": []}]}, "facts.0.evidence: List should have at least 1 item"),
        ({"id": "a-1"}, "id 'a-1' is line 1's already"),
        ({"id": "a-2", "split": "test"}, "split 'test', but line 1 asks for the same in 'tune'"),
    ],
)
def test_row_58_a_bad_line_is_named(tmp_path: Path, changed: dict[str, Any], problem: str) -> None:
    """Row 58 of the bad inputs."""
    path = write(tmp_path / "set.jsonl", line(), {**line(id="a-2"), **changed})
    with pytest.raises(QuestionSetError) as caught:
        load_questions(path, [GUIDE])
    assert str(caught.value).startswith(f"{path}:2: ")
    assert problem in str(caught.value)
    assert caught.value.line == 2


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"id": \n', encoding="utf-8")
    with pytest.raises(QuestionSetError, match=r"set\.jsonl:1: Invalid JSON"):
        load_questions(path, [GUIDE])
    path.write_text("\n\n", encoding="utf-8")
    with pytest.raises(QuestionSetError, match="holds no question"):
        load_questions(path, [GUIDE])


@pytest.fixture(params=["handbook", "north-american-footprint"])
def bundled(request: pytest.FixtureRequest) -> tuple[Path, Source]:
    """A bundled set with its document."""
    name = request.param
    if name == "handbook":
        return SETS / "handbook.jsonl", Source.read(ROOT / "documents" / "handbook.md")
    shared: Path = request.getfixturevalue("shared")
    return SETS / f"{name}.jsonl", Source.read(shared / "corpus" / f"{name}.txt")


def test_the_bundled_sets_hold(bundled: tuple[Path, Source]) -> None:
    path, document = bundled
    questions = load_questions(path, [document])
    halves = [sum(q.split == half for q in questions) for half in ("tune", "test")]
    assert abs(halves[0] - halves[1]) <= 4
    assert sum(not q.answerable for q in questions) >= 20
    for question in questions:
        assert question.answerable or question.note, f"{question.id} says why it has no answer"


def test_paraphrases_share_no_content_word_with_their_evidence(bundled: tuple[Path, Source]) -> None:
    path, document = bundled
    for question in load_questions(path, [document]):
        if question.kind == "paraphrase":
            quotes = (document.text[s:e] for _, s, e in question.acceptable().intervals)
            evidence = {term for quote in quotes for word in quote.split() for term in terms(word)}
            assert not evidence & set(terms(question.text)), question.id


def test_the_paper_set_is_large(shared: Path) -> None:
    document = Source.read(shared / "corpus" / "north-american-footprint.txt")
    questions = load_questions(SETS / "north-american-footprint.jsonl", [document])
    kinds = {kind: sum(q.kind == kind for q in questions) for kind in {q.kind for q in questions}}
    assert len(questions) >= 160
    assert sum(not q.answerable for q in questions) >= 60
    assert all(count >= 6 for count in kinds.values()), kinds

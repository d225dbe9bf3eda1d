"""Question sets: JSON Lines in which evidence is named by the first and last words of a source span.

One line is one question:

    {"id": "fact-01", "kind": "fact", "split": "tune", "question": "...",
     "facts": [{"fact": "the answer in brief", "evidence": [{"from": "first words", "to": "last words"}],
                "alternatives": [[{"from": "..."}]]}],
     "context": [{"from": "..."}], "language": "es", "note": "why it has no answer"}

`evidence` lists the spans that state the fact together; each of the `alternatives` states it as well.
`context` may be cited without harm and need not be. A question without facts is one that the documents do
not answer. As in a URL's text fragment, `to` ends the span at its first occurrence after `from` (left out,
the span is `from` itself), and `prefix` and `suffix` are words directly before and after the span that tell
equal ones apart. White space matches any white space. `document` names the file where there are several.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.errors import QuestionSetError
from eval.extents import Extent
from eval.quotes import Quote, QuoteError, Source, locate

Split = Literal["tune", "test"]
SPLITS: tuple[Split, ...] = ("tune", "test")
NEAR_KINDS = ("near_miss", "false_premise")
"""Kinds of unanswerable questions that are about what the documents are about."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that an answer must hold; each of `evidence` states it alone. The first is the body's own."""

    text: str
    evidence: tuple[Extent, ...]

    def coverage(self, shown: Extent) -> float:
        """Return the share of the best covered evidence's characters that is in `shown`."""
        return max(evidence.share_in(shown) for evidence in self.evidence)

    def best(self, shown: Extent) -> Extent:
        """Return the evidence that `shown` covers best, the first of equals."""
        return max(self.evidence, key=lambda evidence: evidence.share_in(shown))


@dataclass(frozen=True, slots=True)
class Question:
    """A question with all that a right answer must hold; without facts, a right answer is a refusal."""

    id: str
    kind: str
    split: Split
    text: str
    facts: tuple[Fact, ...]
    context: Extent
    language: str = "en"
    note: str = ""

    @property
    def answerable(self) -> bool:
        return bool(self.facts)

    @property
    def near(self) -> bool:
        """Say whether the question has no answer though it is about what the documents are about."""
        return self.kind in NEAR_KINDS

    def acceptable(self) -> Extent:
        """Return the characters of all evidence of all facts."""
        return Extent.union(evidence for fact in self.facts for evidence in fact.evidence)

    def groups(self) -> tuple[object, ...]:
        """Return what questions of the same split may have in common, and others may not."""
        return tuple(fact.evidence[0] for fact in self.facts) or (self.text,)

    def digest(self) -> str:
        """Return a hash of the question and its evidence."""
        return hashlib.sha256(repr((self.text, self.facts, self.context)).encode()).hexdigest()[:16]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    class _Fact(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)

        fact: str = Field(min_length=1)
        evidence: list[Quote] = Field(min_length=1)
        alternatives: list[list[Quote]] = []

    id: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    split: Split
    question: str = Field(min_length=1, max_length=2000)
    facts: list[_Fact]
    context: list[Quote] = []
    language: str = "en"
    note: str = ""


def load_questions(path: Path, sources: Sequence[Source], split: Split | None = None) -> tuple[Question, ...]:
    """Read a question set and find its evidence in `sources`. `split` leaves out the other half.

    Raises `QuestionSetError` with file and line for the first line that is malformed, repeats an id, names
    evidence that is missing or ambiguous, or asks for the evidence of a question in the other split.
    """
    questions: list[Question] = []
    seen: dict[str, int] = {}
    halves: dict[object, tuple[Split, int]] = {}
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            question = _resolve(_Line.model_validate_json(line), sources)
        except ValidationError as error:
            raise QuestionSetError(path, number, _first(error)) from error
        except QuoteError as error:
            raise QuestionSetError(path, number, str(error)) from error
        if question.id in seen:
            raise QuestionSetError(path, number, f"id {question.id!r} is line {seen[question.id]}'s already")
        seen[question.id] = number
        for shared in question.groups():
            half, other = halves.setdefault(shared, (question.split, number))
            if half != question.split:
                problem = f"split {question.split!r}, but line {other} asks for the same in {half!r}"
                raise QuestionSetError(path, number, problem)
        questions.append(question)
    if not questions:
        raise QuestionSetError(path, 1, "the file holds no question")
    return tuple(question for question in questions if split in (None, question.split))


def _resolve(line: _Line, sources: Sequence[Source]) -> Question:
    facts = []
    for fact in line.facts:
        spans = [fact.evidence, *fact.alternatives]
        evidence = tuple(Extent.of(locate(quote, sources) for quote in quotes) for quotes in spans)
        facts.append(Fact(fact.fact, evidence))
    context = Extent.of(locate(quote, sources) for quote in line.context)
    return Question(
        line.id, line.kind, line.split, line.question, tuple(facts), context, line.language, line.note
    )


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]

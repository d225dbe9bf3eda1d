"""Questions that people were not helped with, and how one becomes a line of a question set.

A candidate is an object of a JSON Lines file: `question`, and where known `reason`, `answer_id` and
`citations` (each with `cited_text`). Services write them from feedback; a person marks the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.errors import EvaluationError
from eval.questions import SPLITS, Question, Split, load_questions
from eval.quotes import Quote, QuoteError, Source, locate


class Candidate(BaseModel):
    """A question that somebody asked and was not helped with."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str = Field(min_length=1)
    reason: str | None = None
    answer_id: str | None = None
    citations: list[dict[str, Any]] = []


def read_candidates(path: Path) -> list[Candidate]:
    """Return the candidates of a file, one for each question, the latest of equal ones."""
    found: dict[str, Candidate] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            candidate = Candidate.model_validate_json(line)
        except ValidationError as error:
            raise EvaluationError(f"{path}:{number}: {error.errors(include_url=False)[0]['msg']}") from error
        found[candidate.question] = candidate
    return list(found.values())


def add_to_set(
    candidate: Candidate, quote: Quote | None, kind: str, path: Path, sources: Sequence[Source]
) -> dict[str, Any]:
    """Append a candidate to a question set and return its line.

    `quote` names the evidence; None says that the documents do not answer the question. The split is that of
    the questions with the same evidence, else the one that holds fewer questions of the kind.
    """
    questions = load_questions(path, sources) if path.exists() else ()
    if any(question.text == candidate.question for question in questions):
        raise EvaluationError(f"{path} asks {candidate.question!r} already")
    facts = []
    evidence = None
    if quote is not None:
        try:
            evidence = locate(quote, sources)
        except QuoteError as error:
            raise EvaluationError(str(error)) from error
        source = next(source for source in sources if source.sha256 == evidence[0])
        text = " ".join(source.text[evidence[1] : evidence[2]].split())
        named = quote.model_dump(by_alias=True, exclude_defaults=True)
        facts = [{"fact": text[:80], "evidence": [named]}]
    line = {
        "id": _identity(kind, questions),
        "kind": kind,
        "split": _split(kind, evidence, questions),
        "question": candidate.question,
        "facts": facts,
    }
    with path.open("ab") as file:
        file.write(orjson.dumps(line) + b"\n")
    return line


def _identity(kind: str, questions: Sequence[Question]) -> str:
    taken = {question.id for question in questions}
    numbers = range(1, len(questions) + 2)
    return next(name for n in numbers if (name := f"{kind.replace('_', '-')}-{n:02d}") not in taken)


def _split(kind: str, evidence: tuple[str, int, int] | None, questions: Sequence[Question]) -> Split:
    for question in questions:
        for fact in question.facts:
            if evidence is not None and fact.evidence[0].intervals == (evidence,):
                return question.split
    counts = {half: sum(q.kind == kind and q.split == half for q in questions) for half in SPLITS}
    return min(SPLITS, key=lambda half: counts[half])

"""Questions that people were not helped with, and how one becomes a line of a question set.

They come from the ledger of an index, where Slack, the page and the API put what people say of answers, or from
a JSON Lines file: `question`, and where known `reason`, `answer_id`, `citations` and `origin`. A person marks the
evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.errors import EvaluationError, QuestionSetError
from eval.questions import SPLITS, Question, Split, load_questions
from eval.quotes import Quote, QuoteError, Source, locate
from service.ledger import FILE, Ledger


class Candidate(BaseModel):
    """A question that somebody asked and was not helped with."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str = Field(min_length=1)
    reason: str | None = None
    answer_id: str | None = None
    citations: list[dict[str, Any]] = []
    origin: str | None = None

    def described(self) -> list[str]:
        """Return what is known of it, a line each: where the answer pointed, never what a document says."""
        lines = [f"{self.question}  ({self.reason or 'no reason given'})"]
        if self.answer_id:
            lines.append(f"answer {self.answer_id}{f', from {self.origin}' if self.origin else ''}")
        for each in self.citations:
            place = f"page {each['page']}" if each.get("page") else f"line {each.get('line', '?')}"
            title = each.get("document_title", each.get("document_id", "?"))
            lines.append(f"[{each.get('number', '?')}] {title}, {place}")
        return lines


def kept_candidates(index: Path) -> list[Candidate]:
    """Return the questions whose answers were called not helpful, one for each, what was said last of equal ones.

    Raises `EvaluationError` where the index has no ledger, and `LedgerError` for one that cannot be read.
    """
    if not (index / FILE).is_file():
        raise EvaluationError(f"{index / FILE} is not there: no service has kept answers of this index yet")
    ledger = Ledger.open(index)
    try:
        said = ledger.feedback(helpful=False)
    finally:
        ledger.close()
    found = {}
    for feedback, kept in said:
        found[kept.question] = Candidate(
            question=kept.question,
            reason=feedback.reason or None,
            answer_id=feedback.answer_id,
            citations=kept.body["citations"],
            origin=feedback.origin,
        )
    return list(found.values())


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
    the questions with the same evidence, else the one that holds fewer questions of the kind. Raises
    `EvaluationError`, and leaves the set as it is, for a line that `load_questions` would not take.
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
    _append(line, path, sources)
    return line


def _append(line: dict[str, Any], path: Path, sources: Sequence[Source]) -> None:
    """Add a line to a set that passes all checks with it, or leave the set as it is."""
    text = path.read_bytes() if path.exists() else b""
    separator = b"" if text.endswith(b"\n") or not text else b"\n"
    trial = path.with_name(f".{path.name}.new")
    try:
        trial.write_bytes(text + separator + orjson.dumps(line) + b"\n")
        load_questions(trial, sources)
        trial.replace(path)
    except QuestionSetError as error:
        raise QuestionSetError(path, error.line, error.problem) from error
    finally:
        trial.unlink(missing_ok=True)


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

"""One question and what came back for it, measured. No answer at all is a zero in every measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.answerers import Wire
from eval.extents import Extent, Interval
from eval.metrics import (
    Cited,
    Overlap,
    Ranked,
    citation_precision,
    citation_recall,
    covered,
    overlap,
    ranked,
)
from eval.questions import Question
from eval.quotes import Source
from eval.run import Reply


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer shows, as characters of the sources."""

    citations: tuple[Cited, ...]
    passages: tuple[Extent, ...]

    @property
    def cited(self) -> Extent:
        return Extent.union(citation.extent for citation in self.citations)

    @property
    def evidence(self) -> Extent:
        return Extent.union(self.passages)


@dataclass(frozen=True, slots=True)
class Score:
    """The measures of one question (see `eval.metrics`).

    `cited_facts` and `found_facts` say which facts the citations and the passages hold. `right` is the outcome
    that confidence should foretell: the question has an answer, and what was shown (the citations, or in a
    refusal the nearest passages) holds at least one fact of it.
    """

    question: Question
    answered: bool
    confidence: float
    right: bool
    cited_facts: tuple[bool, ...]
    found_facts: tuple[bool, ...]
    citations: Overlap
    passages: Overlap
    ranked: Ranked
    citation_recall: float
    citation_precision: float
    exact: bool
    milliseconds: float
    server_milliseconds: float
    cited_characters: int
    shown_characters: int
    shown: Shown
    error: str | None = None

    @property
    def fact_recall(self) -> float:
        return _share(self.cited_facts)

    @property
    def evidence_fact_recall(self) -> float:
        return _share(self.found_facts)

    @property
    def failed(self) -> bool:
        """Say whether a person would not be served: a fact is missing, or an answer where there is none."""
        if self.error is not None:
            return True
        return not all(self.cited_facts) if self.question.answerable else self.answered


def score(question: Question, reply: Reply, sources: Sequence[Source]) -> Score:
    """Measure the reply to `question`."""
    body = reply.body or {}
    shown = shown_by(body, sources)
    cited, evidence = shown.cited, shown.evidence
    cited_facts, found_facts = covered(question.facts, cited), covered(question.facts, evidence)
    answered = bool(body) and body["status"] != "not_in_document"
    marks = [
        (place["answer_start"], place["answer_end"], citation.exact)
        for place, citation in zip(body.get("citations", ()), shown.citations, strict=True)
    ]
    return Score(
        question=question,
        answered=answered,
        confidence=float(body.get("confidence", 0.0)),
        right=question.answerable and any(cited_facts if answered else found_facts),
        cited_facts=cited_facts,
        found_facts=found_facts,
        citations=overlap(question, cited),
        passages=overlap(question, evidence),
        ranked=ranked(question, shown.passages) if question.answerable else Ranked(0.0, 0.0, 0.0),
        citation_recall=citation_recall(body.get("answer"), marks),
        citation_precision=citation_precision(question, shown.citations),
        exact=all(citation.exact for citation in shown.citations),
        milliseconds=reply.milliseconds,
        server_milliseconds=float(body.get("timings_ms", {}).get("total", 0.0)),
        cited_characters=len(cited),
        shown_characters=len(evidence),
        shown=shown,
        error=reply.error,
    )


def shown_by(body: Wire, sources: Sequence[Source]) -> Shown:
    """Return what the body of an answer shows.

    A quote that is not exactly what stands at its place in a known source is not exact, and its characters
    are nowhere in the sources: they count as shown, and never as evidence.
    """
    by_hash = {source.sha256: source for source in sources}
    citations = []
    for citation in body.get("citations", ()):
        source = by_hash.get(citation["document_sha256"])
        known = (source,) if source is not None else ()
        found = [_interval(span, known) for span in citation["spans"]]
        exact = bool(found) and all(interval[0] in by_hash for interval in found)
        citations.append(Cited(Extent.of(found), exact))
    passages = [
        Extent.of(_interval(span, sources) for span in passage["spans"])
        for passage in body.get("passages", ())
    ]
    return Shown(tuple(citations), tuple(passages))


def _interval(span: dict[str, Any], sources: Sequence[Source]) -> Interval:
    """Return where the span stands, in the source that holds its text exactly there."""
    start, end = int(span["start_char_index"]), int(span["end_char_index"])
    for source in sources:
        if source.text[start:end] == span["text"] and start < end <= len(source.text):
            return source.sha256, start, end
    return "elsewhere", start, max(end, start)


def _share(facts: tuple[bool, ...]) -> float:
    return sum(facts) / len(facts) if facts else 0.0

"""Which stage lost a failed question: the first in the pipeline that no longer held a missing fact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from eval.extents import Extent
from eval.metrics import COVERED
from eval.questions import Fact
from eval.scoring import Score

if TYPE_CHECKING:
    from index.backend import Backend

Stage = Literal["repair", "chunking", "retrieval", "ranking", "span choice", "refusal", "service"]
STAGES: tuple[Stage, ...] = (
    "repair",
    "chunking",
    "retrieval",
    "ranking",
    "span choice",
    "refusal",
    "service",
)
"""In the order of the pipeline; `service` lost a question that got no answer at all."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the stages before the answer held: the reading text, the passages, and those retrieved."""

    reading: Extent
    passages: Sequence[Extent]
    candidates: Sequence[Extent]


class Stages(Protocol):
    """A view into the pipeline that answered."""

    def held(self, question: str) -> Held:
        """Return what the stages before the answer held for `question`."""
        ...


def lost_at(score: Score, stages: Stages | None) -> Stage | None:
    """Return the stage that lost the question, None if it did not fail.

    A fact is lost where it is first not held: not in the reading text (repair), in no single passage
    (chunking), in none of the passages that retrieval considered (retrieval), in none that came back
    (ranking), not cited (span choice), or all of it held and refused (refusal). Of several lost facts the
    one lost first decides. Without `stages`, what did not come back counts as lost by retrieval.
    """
    if not score.failed:
        return None
    if score.error is not None:
        return "service"
    if not score.question.answerable:
        return "refusal"
    held = stages.held(score.question.text) if stages is not None else None
    missing = [fact for fact, cited in zip(score.question.facts, score.cited_facts, strict=True) if not cited]
    return min((_fact_lost_at(fact, score, held) for fact in missing), key=STAGES.index)


def waterfall(stages: Iterable[Stage | None]) -> dict[Stage, int]:
    """Count the failed questions by stage, in the order of the pipeline."""
    counts = Counter(stages)
    return {stage: counts[stage] for stage in STAGES}


def _fact_lost_at(fact: Fact, score: Score, held: Held | None) -> Stage:
    if fact.coverage(score.shown.evidence) < COVERED:
        return _lost_before(fact, held)
    return "span choice" if score.answered else "refusal"


def _lost_before(fact: Fact, held: Held | None) -> Stage:
    """Return which stage before the answer lost a fact that did not come back."""
    if held is None:
        return "retrieval"
    if fact.coverage(held.reading) < COVERED:
        return "repair"
    if not _in_one(fact, held.passages):
        return "chunking"
    return "ranking" if _in_one(fact, held.candidates) else "retrieval"


def _in_one(fact: Fact, passages: Sequence[Extent]) -> bool:
    return any(fact.coverage(passage) >= COVERED for passage in passages)


class IndexStages:
    """The stages of an index on this machine, for the same documents that answered."""

    def __init__(self, library: Backend) -> None:
        self._library = library
        self._fingerprint = library.snapshot().fingerprint
        documents = {record.id: library.document(record.id) for record in library.documents()}
        self._reading = Extent.of(
            (document.record.sha256, span.start, span.end)
            for document in documents.values()
            for span in document.reading.source_spans(0, len(document.reading.text))
        )
        self._passages = {}
        for row in library.passages():
            document = documents[row.document_id]
            spans = document.reading.source_spans(row.start, row.end)
            self._passages[row.document_id, row.ordinal] = Extent.of(
                (document.record.sha256, span.start, span.end) for span in spans
            )

    @property
    def fingerprint(self) -> str:
        """The hash of what the index held when it was opened."""
        return self._fingerprint

    def held(self, question: str) -> Held:
        """Rank as the answerer does; the candidates are the passages whose sentences it scores."""
        from index.search import SearchParameters, rank

        snapshot = self._library.snapshot()
        vector = self._library.embedder.embed_question(question)
        rows = rank(snapshot, question, vector).passage_rows[: SearchParameters().parents]
        places = [
            (snapshot.documents[number], ordinal) for number, ordinal in snapshot.passages[rows, :2].tolist()
        ]
        return Held(self._reading, list(self._passages.values()), [self._passages[place] for place in places])

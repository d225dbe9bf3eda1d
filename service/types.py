"""What an answer is. Offsets are code points into the source text, end exclusive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingest.types import Quality, Span

Status = Literal["answered", "partial", "not_in_document"]


@dataclass(frozen=True, slots=True)
class Quote:
    """A source span with its text: `source[start:end] == text`, always."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Footnote:
    """A note that a citation's text carries a mark of."""

    label: str
    text: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """One numbered source of an answer.

    `cited_text` is reading text and may join several `spans`. `answer_start:answer_end` is where the answer
    quotes it, in code points of `Answer.answer`. `line` and `page` count from 1.
    """

    number: int
    document_id: str
    document_title: str
    document_sha256: str
    cited_text: str
    spans: tuple[Quote, ...]
    answer_start: int
    answer_end: int
    section_path: tuple[str, ...]
    page: int | None
    line: int
    source_quality: Quality
    also_at: tuple[Span, ...]
    footnotes: tuple[Footnote, ...]
    score: float
    dense: float
    lexical: float


@dataclass(frozen=True, slots=True)
class EvidencePassage:
    """A stretch of a document that the retriever found for a question."""

    passage_id: str
    document_id: str
    rank: int
    score: float
    text: str
    spans: tuple[Quote, ...]
    section_path: tuple[str, ...]
    page: int | None


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """Which index answered."""

    fingerprint: str
    model: str
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds by stage."""

    embed: float
    search: float
    answer: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A cited answer, or the honest absence of one (`answer` is None and `citations` empty)."""

    answer_id: str
    status: Status
    confidence: float
    answer: str | None
    citations: tuple[Citation, ...]
    passages: tuple[EvidencePassage, ...]
    index: IndexInfo
    timings_ms: Timings
    generated_by: str | None = None
    """The model that wrote `answer` from the citations; None where it is in the documents' own words."""
    missing: tuple[str, ...] = ()
    """What the question names or asks, in its words, and neither citations nor (in a refusal) passages hold."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The evidence for a question, without an answer."""

    passages: tuple[EvidencePassage, ...]
    index: IndexInfo
    timings_ms: Timings

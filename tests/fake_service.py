"""Answers without a pipeline: what it says to each question is told beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from eval.answerers import Wire
from eval.errors import AnswerError
from eval.quotes import Source

FINGERPRINT = "f" * 16


def source(text: str, name: str = "guide.txt") -> Source:
    """Return a document with this text."""
    return Source(name, hashlib.sha256(text.encode()).hexdigest(), text)


def body(
    document: Source,
    *,
    cited: Sequence[str] = (),
    passages: Sequence[str] = (),
    confidence: float = 0.9,
    fingerprint: str = FINGERPRINT,
) -> Wire:
    """Return the body of an answer that quotes these parts of the document; a refusal where it quotes none."""
    answer, citations = "", []
    for number, text in enumerate(cited, start=1):
        start = len(answer) + bool(answer)
        answer += f"{' ' if answer else ''}{text} [{number}]"
        citations.append(
            {
                "number": number,
                "document_id": document.name,
                "document_title": document.name,
                "document_sha256": document.sha256,
                "cited_text": text,
                "spans": [_span(document, text)],
                "answer_start": start,
                "answer_end": start + len(text),
                "section_path": [],
                "page": None,
                "line": 1,
                "source_quality": "intact",
                "also_at": [],
                "footnotes": [],
                "score": 1.0,
                "scores": {"dense": 1.0, "lexical": 1.0},
                "url": f"/documents/{document.name}",
            }
        )
    return {
        "answer_id": "a" * 24,
        "status": "answered" if cited else "not_in_document",
        "confidence": confidence,
        "answer": answer or None,
        "citations": citations,
        "passages": [
            {
                "passage_id": f"{document.name}:{rank}",
                "document_id": document.name,
                "rank": rank,
                "score": 1.0,
                "text": text,
                "spans": [_span(document, text)],
                "section_path": [],
                "page": None,
            }
            for rank, text in enumerate(passages or cited, start=1)
        ],
        "index": {"fingerprint": fingerprint, "model": "fake", "documents": 1, "passages": 1},
        "timings_ms": {"embed": 0.0, "search": 0.0, "answer": 0.0, "total": 1.0},
    }


class FakeService:
    """Says what it was told to; asked for anything else, or while it is down, it fails."""

    name = "fake"
    program = "1"

    def __init__(self, bodies: Mapping[str, Wire]) -> None:
        self.bodies = bodies
        self.asked: list[str] = []
        self.down_after: int | None = None
        self.index = FINGERPRINT

    def fingerprint(self) -> str:
        return self.index

    def ask(self, question: str) -> Wire:
        if self.down_after is not None and len(self.asked) >= self.down_after:
            raise KeyboardInterrupt
        self.asked.append(question)
        if question not in self.bodies:
            raise AnswerError("HTTP 500: it broke")
        return self.bodies[question]


def _span(document: Source, text: str) -> dict[str, Any]:
    start = document.text.index(text)
    return {"start_char_index": start, "end_char_index": start + len(text), "text": text}

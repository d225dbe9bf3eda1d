"""Answers, evidence and documents as the bodies that every surface sends (see `service.schemas`)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from index.types import DocumentRecord
from service.types import Answer, Citation, EvidencePassage, Quote, SearchResult

Body = dict[str, Any]


def ask_body(answer: Answer) -> Body:
    """Return the body of an answer."""
    generated = {} if answer.generated_by is None else {"generated_by": answer.generated_by}
    missing = {"missing": list(answer.missing)} if answer.missing else {}
    return {
        "answer_id": answer.answer_id,
        "status": answer.status,
        "confidence": round(answer.confidence, 4),
        "answer": answer.answer,
        **generated,
        **missing,
        "citations": [_citation(citation) for citation in answer.citations],
        **search_body(answer),
    }


def search_body(result: Answer | SearchResult) -> Body:
    """Return the body of a search; an answer's holds the same fields."""
    index, timings = result.index, result.timings_ms
    return {
        "passages": [_passage(passage) for passage in result.passages],
        "index": {
            "fingerprint": index.fingerprint,
            "model": index.model,
            "documents": index.documents,
            "passages": index.passages,
        },
        "timings_ms": {
            "embed": round(timings.embed, 3),
            "search": round(timings.search, 3),
            "answer": round(timings.answer, 3),
            "total": round(timings.total, 3),
        },
    }


def document_body(record: DocumentRecord) -> Body:
    """Return the body of a document's record."""
    return {
        "document_id": record.id,
        "title": record.title,
        "sha256": record.sha256,
        "media_type": record.media_type,
        "added_at": record.added_at,
        "characters": record.characters,
        "passages": record.passages,
        "url": f"/documents/{quote(record.id)}",
    }


def source_url(document_id: str, spans: tuple[Quote, ...]) -> str:
    """Return where the page shows these places, relative to the service's root."""
    first, *others = spans
    places = [("start", str(first.start)), ("end", str(first.end))]
    places += [("span", f"{span.start}-{span.end}") for span in others]
    return f"/documents/{quote(document_id)}?{urlencode(places)}"


def _citation(citation: Citation) -> Body:
    return {
        "number": citation.number,
        "document_id": citation.document_id,
        "document_title": citation.document_title,
        "document_sha256": citation.document_sha256,
        "cited_text": citation.cited_text,
        "spans": _spans(citation.spans),
        "answer_start": citation.answer_start,
        "answer_end": citation.answer_end,
        "section_path": list(citation.section_path),
        "page": citation.page,
        "line": citation.line,
        "source_quality": citation.source_quality,
        "also_at": [
            {"start_char_index": span.start, "end_char_index": span.end} for span in citation.also_at
        ],
        "footnotes": [
            {"label": note.label, "text": note.text, "urls": list(note.urls)} for note in citation.footnotes
        ],
        "score": round(citation.score, 4),
        "scores": {"dense": round(citation.dense, 4), "lexical": round(citation.lexical, 4)},
        "url": source_url(citation.document_id, citation.spans),
    }


def _passage(passage: EvidencePassage) -> Body:
    return {
        "passage_id": passage.passage_id,
        "document_id": passage.document_id,
        "rank": passage.rank,
        "score": round(passage.score, 4),
        "text": passage.text,
        "spans": _spans(passage.spans),
        "section_path": list(passage.section_path),
        "page": passage.page,
    }


def _spans(quotes: tuple[Quote, ...]) -> list[Body]:
    return [{"start_char_index": q.start, "end_char_index": q.end, "text": q.text} for q in quotes]

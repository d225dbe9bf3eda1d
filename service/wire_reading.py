"""From the body of an answer, as it was sent and kept, back to the answer (see `service.wire.ask_body`)."""

from __future__ import annotations

from ingest.types import Span
from service.types import Answer, Citation, EvidencePassage, Footnote, IndexInfo, Quote, Timings
from service.wire import Body


def read_answer(body: Body) -> Answer:
    """Return the answer that `ask_body` made `body` of, but for what it rounded."""
    return Answer(
        body["answer_id"],
        body["status"],
        body["confidence"],
        body["answer"],
        tuple(_citation(each) for each in body["citations"]),
        tuple(_passage(each) for each in body["passages"]),
        IndexInfo(**body["index"]),
        Timings(**body["timings_ms"]),
        body.get("generated_by"),
        tuple(body.get("missing", ())),
    )


def _citation(body: Body) -> Citation:
    return Citation(
        number=body["number"],
        document_id=body["document_id"],
        document_title=body["document_title"],
        document_sha256=body["document_sha256"],
        cited_text=body["cited_text"],
        spans=_quotes(body["spans"]),
        answer_start=body["answer_start"],
        answer_end=body["answer_end"],
        section_path=tuple(body["section_path"]),
        page=body["page"],
        line=body["line"],
        source_quality=body["source_quality"],
        also_at=tuple(Span(each["start_char_index"], each["end_char_index"]) for each in body["also_at"]),
        footnotes=tuple(
            Footnote(each["label"], each["text"], tuple(each["urls"])) for each in body["footnotes"]
        ),
        score=body["score"],
        dense=body["scores"]["dense"],
        lexical=body["scores"]["lexical"],
    )


def _passage(body: Body) -> EvidencePassage:
    return EvidencePassage(
        body["passage_id"],
        body["document_id"],
        body["rank"],
        body["score"],
        body["text"],
        _quotes(body["spans"]),
        tuple(body["section_path"]),
        body["page"],
    )


def _quotes(bodies: list[Body]) -> tuple[Quote, ...]:
    return tuple(Quote(each["start_char_index"], each["end_char_index"], each["text"]) for each in bodies)

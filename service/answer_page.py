"""What the page shows for an answer: its places with their lines, its source beside it, what became of it since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from index.backend import Backend
from index.errors import UnknownDocumentError
from index.types import StoredDocument
from ingest.types import Span
from service import messages
from service.ledger import KeptAnswer, Ledger, LedgerError
from service.opening import NUMBER, Opened, PageError, Place, open_place
from service.source_view import line_of
from service.types import Answer, Citation, EvidencePassage
from service.verifying import missing_documents, verify
from service.wire_reading import read_answer

SHOWN_ALSO_AT = 5


@dataclass(frozen=True, slots=True)
class Recalled:
    """An answer read from the ledger: when it was given, and what its citations are worth by now.

    `changed` holds, for the number of each citation whose source is another by now, what became of it.
    """

    answer: Answer
    question: str
    at: datetime
    changed: Mapping[int, str] = field(default_factory=dict)


def recall(answer_id: str, ledger: Ledger | None, library: Backend) -> Recalled:
    """Return the answer kept under an id, checked against the documents as they are now.

    Raises `PageError` where none is kept and where it quotes a document that was removed.
    """
    try:
        if ledger is None:
            raise PageError(404, "That answer is not here", messages.ANSWER_NOT_KEPT)
        kept: KeptAnswer = ledger.answer(answer_id)
    except LedgerError as error:
        raise PageError(404, "That answer is not here", messages.ANSWER_NOT_KEPT) from error
    if missing_documents(kept.body, library):
        raise PageError(410, "That answer is gone", messages.ANSWER_GONE)
    changed = {
        check["number"]: messages.changed(quotes_stand=all(check["spans"]))
        for check in verify(kept.body, library)["citations"]
        if check["status"] != "ok"
    }
    return Recalled(read_answer(kept.body), kept.question, datetime.fromisoformat(kept.at), changed)


def is_kept(answer: Answer, ledger: Ledger | None) -> bool:
    """Whether `answer` can be read again, by its permanent link."""
    try:
        return ledger is not None and bool(ledger.answer(answer.answer_id))
    except LedgerError:
        return False


def answer_values(answer: Answer, number: str, library: Backend) -> dict[str, object]:
    """Return what the template of an answer needs; `number` is the citation whose source is open beside it."""
    by_number = {citation.number: citation for citation in answer.citations}
    citation = by_number.get(int(number)) if NUMBER.fullmatch(number) else None
    citation = citation or next(iter(answer.citations), None)
    return {
        "answer": answer,
        "by_number": by_number,
        "lines": _lines(answer, library),
        "open": citation.number if citation else 0,
        "opened": _open_beside(citation or next(iter(answer.passages), None), library),
    }


def present(document_ids: Iterable[str], library: Backend) -> Iterator[StoredDocument]:
    """Yield the documents with these ids but for those that have been removed meanwhile."""
    for document_id in document_ids:
        with suppress(UnknownDocumentError):
            yield library.document(document_id)


def _lines(answer: Answer, library: Backend) -> dict[tuple[str, int], int]:
    """Return the line of each place that an answer names by its offset alone."""
    places = [(each.document_id, span.start) for each in answer.passages for span in each.spans[:1]]
    places += [
        (each.document_id, span.start) for each in answer.citations for span in each.also_at[:SHOWN_ALSO_AT]
    ]
    sources = {each.record.id: each.source for each in present({each for each, _ in places}, library)}
    return {(each, start): line_of(sources[each], start) for each, start in places if each in sources}


def _open_beside(place: Citation | EvidencePassage | None, library: Backend) -> Opened | None:
    if place is None:
        return None
    spans = tuple(Span(each.start, each.end) for each in place.spans)
    version = place.document_sha256 if isinstance(place, Citation) else ""
    try:
        return open_place(library, Place(place.document_id, spans, version))
    except PageError:  # removed, or replaced by something shorter, since it was asked
        return None

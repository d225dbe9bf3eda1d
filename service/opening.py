"""Opening a document at marked places: what a link to a source asks for, checked, and what is shown for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from index.backend import Backend
from index.errors import UnknownDocumentError
from index.types import DocumentRecord, StoredDocument
from ingest.reading import Reading
from ingest.types import Span
from service.answer_view import VERSION
from service.page_view import PageView, view_page
from service.source_view import SourceView, view_source

MOST_SPANS = 100
MOST_BOXED = 20_000
"""Most characters whose boxes are drawn on a page; of more the text is shown."""
NUMBER = re.compile(r"[0-9]{1,12}")
_SPAN = re.compile(r"([0-9]{1,12})-([0-9]{1,12})")


class PageError(Exception):
    """Something the page was asked that it cannot show: `status`, a `title`, and what to do as the message."""

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(message)
        self.status, self.title = status, title


@dataclass(frozen=True, slots=True)
class Place:
    """What a link asks to see of a document: `spans` marked, in the `version` it was made for.

    `start` is the offset where the shown window of the text begins, `page` the page to show as a picture,
    `text` asks for the text though there are pictures.
    """

    document_id: str
    spans: tuple[Span, ...] = ()
    version: str = ""
    start: int | None = None
    page: int | None = None
    text: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A document opened at its marked places: as `page` where it is shown as a picture, as `view` otherwise.

    `changed`: it is not the version that the link was made for. `pictured`: its pages can be shown.
    """

    document: DocumentRecord
    spans: tuple[Span, ...]
    version: str
    changed: bool
    pictured: bool
    view: SourceView | None
    page: PageView | None


def open_place(library: Backend, place: Place) -> Opened:
    """Open a document. Raises `PageError` where it, or the place in it, is not there."""
    try:
        document = library.document(place.document_id)
    except UnknownDocumentError as error:
        message = "It was removed, or the link is wrong. The first page lists the documents there are."
        raise PageError(404, "That document is not here", message) from error
    record = document.record
    pictured = document.boxes is not None and library.keeps_original(record.id)
    as_picture = pictured and _wants_picture(place)
    try:
        page = _page(document, place) if as_picture else None
        view = None if page else _text(document, place)
    except ValueError as error:
        message = (
            f"The link points past the end of “{record.title}”, which has {record.characters:,} characters. "
            "The document may have changed since the link was made."
        )
        raise PageError(422, "That place is not in the document", message) from error
    changed = bool(place.version) and not record.sha256.startswith(place.version[:VERSION])
    return Opened(record, place.spans, place.version[:VERSION], changed, pictured, view, page)


def _text(document: StoredDocument, place: Place) -> SourceView:
    reading = document.reading
    again = _repeats(reading, place.spans)
    return view_source(document.source, place.spans, reading.edits, again, start=place.start)


def _repeats(reading: Reading, spans: Iterable[Span]) -> list[Span]:
    """Return where the source says again what it says in `spans` (see `Reading.repeats_of`)."""
    ranges = sorted((each.start, each.end) for span in spans for each in reading.reading_spans(span))
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and start <= joined[-1][1] + 1:  # a space that only the reading text has
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [again for start, end in joined for again in reading.repeats_of(start, end)]


def _wants_picture(place: Place) -> bool:
    if place.text or place.start is not None or sum(map(len, place.spans)) > MOST_BOXED:
        return False
    return bool(place.spans) or place.page is not None


def _page(document: StoredDocument, place: Place) -> PageView | None:
    """Return the page to show, or None where the marked places are on none (a page break, say)."""
    assert document.boxes is not None
    end = max((span.end for span in place.spans), default=0)
    if end > document.record.characters:
        raise ValueError(f"a span ends at {end}, after the source")
    page = view_page(document.boxes, place.spans, place.page)
    return page if page.boxes or place.page else None


def read_spans(asked: Sequence[str]) -> tuple[Span, ...]:
    """Return the spans that a link names as `start-end`. Raises `PageError` for what is none."""
    if len(asked) > MOST_SPANS:
        message = f"The link marks {len(asked)} places; {MOST_SPANS} is the most."
        raise PageError(422, "Too many places at once", message)
    spans: list[Span] = []
    for text in asked:
        match = _SPAN.fullmatch(text)
        if match is None or int(match[1]) >= int(match[2]):
            message = (
                f"“{text[:60]}” is no span. Give its first character and the one after its last: 120-164."
            )
            raise PageError(422, "That place cannot be", message)
        spans.append(Span(int(match[1]), int(match[2])))
    return tuple(spans)


def read_number(asked: str | None, example: str) -> int | None:
    """Return a whole number of a link, None where it has none. Raises `PageError`."""
    if asked is None:
        return None
    if not NUMBER.fullmatch(asked):
        raise PageError(422, "That place cannot be", f"A place is given as a whole number, as in {example}.")
    return int(asked)

"""The page: ask, read the answer, open each citation at the marked source text.

Every view is a URL that works without a script; the script fetches the same URLs and puts the part that
changed into place, so that there is one rendering path. Whatever comes from a document or a person is shown
as text: the templates escape it, and the Content-Security-Policy lets nothing run or load from elsewhere.

Errors: 404 for a document that is not there, 422 for a question or a span that cannot be, both as pages.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ingest.types import Span
from service.answer_view import (
    DAMAGE,
    VERSION,
    confidence_in_words,
    example_questions,
    inner_path,
    quotation,
    said,
    segments,
    source_url,
)
from service.source_view import SourceView, line_of, view_source
from service.types import Answer, Citation, EvidencePassage

LONGEST_QUESTION = 2000
MOST_SPANS = 100
MOST_LISTED = 200
"""Documents the page lists; of more it says how many there are."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SPAN = re.compile(r"(\d{1,12})-(\d{1,12})")
# Bidirectional overrides let a text show other words than it holds, in an order of its own.
_VISIBLE = {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document as the page lists it. `headings` are its own, in order."""

    document_id: str
    title: str
    sha256: str
    media_type: str
    passages: int
    headings: tuple[str, ...] = ()


class Library(Protocol):
    """What the page needs of the service. Called from worker threads, several at a time."""

    def ask(self, question: str, document_ids: tuple[str, ...] | None) -> Answer:
        """Answer a question from these documents, or from all where None."""
        ...

    def documents(self) -> Sequence[ListedDocument]:
        """Return every document, in the order to list them."""
        ...

    def document(self, document_id: str) -> ListedDocument:
        """Raise LookupError where there is no such document."""
        ...

    def source_text(self, document_id: str) -> str:
        """Return the source text. Raise LookupError where there is no such document."""
        ...


class PageError(Exception):
    """Something the page was asked that it cannot show.

    Its message is for the reader: what was wrong and what to do about it.
    """

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(message)
        self.status, self.title = status, title


@dataclass(frozen=True, slots=True)
class _Opened:
    """A document opened at its marked places. `changed`: it is not the version that the link was made for."""

    document: ListedDocument
    view: SourceView
    spans: tuple[Span, ...]
    version: str
    changed: bool


def page_routes(library: Library) -> APIRouter:
    """Return the routes `/`, `/documents/{id}` and `/static/{name}`."""
    here = Path(__file__).parent
    static = {
        path.name: path.read_bytes() for path in (here / "static").iterdir() if path.suffix in _MEDIA_TYPES
    }
    pages = _Pages(library, _environment(here / "templates", static))
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", pages.ask, response_class=HTMLResponse)
    router.add_api_route("/documents/{document_id}", pages.source, response_class=HTMLResponse)

    def send_static(name: str) -> Response:
        if name not in static:
            return Response(status_code=404, headers=HEADERS)
        # The address carries the hash of the content, so it never needs to be asked for again.
        caching = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(static[name], media_type=_MEDIA_TYPES[Path(name).suffix], headers=HEADERS | caching)

    router.add_api_route("/static/{name}", send_static)
    return router


def _environment(templates: Path, static: dict[str, bytes]) -> Environment:
    def asset(name: str) -> str:
        return f"/static/{name}?v={hashlib.sha256(static[name]).hexdigest()[:VERSION]}"

    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value.translate(_VISIBLE) if isinstance(value, str) else value,
    )
    environment.globals.update(asset=asset, longest=LONGEST_QUESTION, damage=DAMAGE, url=source_url)
    environment.globals.update(segments=segments, said=said, quotation=quotation, inner_path=inner_path)
    environment.globals.update(confidence=confidence_in_words, alone=False)
    environment.globals.update(answer=None, opened=None, error=None, question="", scope=(), chosen=())
    return environment


class _Pages:
    def __init__(self, library: Library, environment: Environment) -> None:
        self._library, self._environment = library, environment

    def ask(
        self,
        q: str = "",
        document: Annotated[list[str] | None, Query()] = None,
        open_: Annotated[str, Query(alias="open")] = "1",
    ) -> HTMLResponse:
        """The question box, and the answer to `q` with the source of citation `open` beside it."""
        documents = self._library.documents()
        question, chosen = q.strip(), tuple(document or ())
        shown: dict[str, object] = {
            "question": question,
            "documents": documents[:MOST_LISTED],
            "unlisted": max(0, len(documents) - MOST_LISTED),
            "chosen": frozenset(chosen),
            "scope": [(each.document_id, each.title) for each in documents if each.document_id in chosen],
            "titles": {each.document_id: each.title for each in documents},
            "examples": example_questions([each.headings for each in documents[:MOST_LISTED]]),
        }
        if not question:
            return self._render("index.html", **shown)
        try:
            answer = self._answer(question, chosen, documents)
            shown |= self._answered(answer, open_, len(chosen) or len(documents))
        except PageError as error:
            return self._render("index.html", error.status, **shown, error=error)
        return self._render("index.html", **shown)

    def _answer(self, question: str, chosen: tuple[str, ...], documents: Sequence[ListedDocument]) -> Answer:
        if len(question) > LONGEST_QUESTION:
            message = f"It has {len(question):,} characters; {LONGEST_QUESTION:,} is the most. Shorten it and ask again."
            raise PageError(422, "That question is too long", message)
        if not {each.document_id for each in documents}.issuperset(chosen):
            message = "A document chosen for this question has been removed. Choose again and ask."
            raise PageError(404, "That document is not here", message)
        return self._library.ask(question, chosen or None)

    def _answered(self, answer: Answer, number: str, searched: int) -> dict[str, object]:
        cited = {citation.number: citation for citation in answer.citations}
        citation = cited.get(int(number) if number.isdecimal() else 0) or next(iter(answer.citations), None)
        return {
            "answer": answer,
            "by_number": cited,
            "lines": self._lines(answer),
            "open": citation.number if citation else 0,
            "opened": self._open_place(citation or next(iter(answer.passages), None)),
            "searched": searched,
        }

    def _open_place(self, place: Citation | EvidencePassage | None) -> _Opened | None:
        if place is None:
            return None
        spans = tuple(Span(each.start, each.end) for each in place.spans)
        try:
            return self._open(place.document_id, spans, getattr(place, "document_sha256", ""), None)
        except PageError:  # removed, or replaced by something shorter, since it was asked
            return None

    def _lines(self, answer: Answer) -> dict[tuple[str, int], int]:
        """Return the line of each place that an answer names by its offset alone."""
        places = [(each.document_id, span.start) for each in answer.passages for span in each.spans[:1]]
        places += [(each.document_id, span.start) for each in answer.citations for span in each.also_at[:5]]
        sources: dict[str, str] = {}
        for document_id in {document_id for document_id, _ in places}:
            try:
                sources[document_id] = self._library.source_text(document_id)
            except LookupError:  # removed since it was asked
                continue
        return {(each, start): line_of(sources[each], start) for each, start in places if each in sources}

    def source(
        self,
        document_id: str,
        span: Annotated[list[str] | None, Query()] = None,
        start: str | None = None,
        end: str | None = None,
        from_: Annotated[str | None, Query(alias="from")] = None,
        version: str = "",
    ) -> HTMLResponse:
        """A document's source text with the spans marked: `span=start-end`, any number, or `start=` and `end=`."""
        asked = list(span or ())
        if start is not None or end is not None:
            asked.append(f"{start or ''}-{end or ''}")
        try:
            if from_ is not None and not re.fullmatch(r"\d{1,12}", from_):
                raise PageError(
                    422, "That place cannot be", f"A document begins at 0; “{from_}” is no place in it."
                )
            opened = self._open(document_id, _read_spans(asked), version, int(from_) if from_ else None)
        except PageError as error:
            return self._render("error.html", status=error.status, error=error, document_id=document_id)
        return self._render("document.html", opened=opened)

    def _open(self, document_id: str, spans: tuple[Span, ...], version: str, start: int | None) -> _Opened:
        try:
            document = self._library.document(document_id)
            source = self._library.source_text(document_id)
        except LookupError as error:
            message = "It was removed, or the link is wrong. The documents there are stand on the first page."
            raise PageError(404, "That document is not here", message) from error
        changed = bool(version) and not document.sha256.startswith(version[:VERSION])
        try:
            view = view_source(source, spans, start=start)
        except ValueError as error:
            message = (
                f"The link points past the end of “{document.title}”, which has {len(source):,} characters. "
                "The document may have changed since the link was made."
            )
            raise PageError(422, "That place is not in the document", message) from error
        return _Opened(document, view, spans, version[:VERSION], changed)

    def _render(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        content = self._environment.get_template(template).render(values)
        return HTMLResponse(content, status, HEADERS | {"Cache-Control": "private, no-cache"})


def _read_spans(asked: Sequence[str]) -> tuple[Span, ...]:
    if len(asked) > MOST_SPANS:
        message = f"The link marks {len(asked)} places; {MOST_SPANS} is the most."
        raise PageError(422, "Too many places at once", message)
    spans: list[Span] = []
    for text in asked:
        match = _SPAN.fullmatch(text)
        if match is None or int(match[1]) >= int(match[2]):
            message = f"“{text[:60]}” is no span: give the first character and the one after the last, as in 120-164."
            raise PageError(422, "That place cannot be", message)
        spans.append(Span(int(match[1]), int(match[2])))
    return tuple(spans)

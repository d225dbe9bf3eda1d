"""The page: ask, read the answer, open each citation at the marked source text.

Every view is a URL that works without a script; the script fetches the same URLs and puts the part that
changed into place, so that there is one rendering path. Whatever comes from a document or a person is shown
as text: the templates escape it, and the Content-Security-Policy lets nothing run or load from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment

from index.errors import UnknownDocumentError
from index.types import DocumentRecord
from service import messages
from service.answer_page import answer_values, is_kept, present, recall
from service.answer_view import answer_url, example_questions, headings
from service.answering import Answerer
from service.ledger import Feedback, now
from service.opening import PageError, Place, open_place, read_number, read_spans
from service.page_images import PageImages
from service.page_templates import HEADERS, asset_type, assets, environment
from service.questions import QuestionError
from service.routing import UsedLedger, keep

MOST_REASON = 2_000
MOST_LISTED = 200
"""Documents the page lists; of more it says how many there are."""
_EXAMPLE_DOCUMENTS = 8
_EXAMPLE_CHARACTERS = 1_000_000
"""Only the headings of the first few documents, none of them huge, are read to find examples."""


def page_routes(answerer: Answerer) -> APIRouter:
    """Return the routes `/`, `/answers/{id}` with its feedback, `/documents/{id}`, the pictures of its pages, and `/static/{name}`."""
    files = assets(Path(__file__).parent / "static")
    pages = _Pages(answerer, environment(Path(__file__).parent / "templates", files))
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", pages.ask, response_class=HTMLResponse)
    router.add_api_route("/answers/{answer_id}", pages.answer, response_class=HTMLResponse)
    router.add_api_route(
        "/answers/{answer_id}/feedback", pages.judge, methods=["POST"], response_class=Response
    )
    router.add_api_route("/documents/{document_id}", pages.source, response_class=HTMLResponse)
    router.add_api_route(
        "/documents/{document_id}/pages/{number}.png", pages.picture, response_class=Response
    )

    async def send_asset(name: str) -> Response:
        if name not in files:
            return Response(status_code=404, headers=HEADERS)
        # The address carries the hash of the content, so it never needs to be asked for again.
        caching = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(files[name], media_type=asset_type(name), headers=HEADERS | caching)

    router.add_api_route("/static/{name}", send_asset)
    return router


class _Pages:
    """The handlers. What works is no coroutine: the framework runs it on worker threads."""

    def __init__(self, answerer: Answerer, environment: Environment) -> None:
        self._answerer, self._library, self._environment = answerer, answerer.library, environment
        self._images = PageImages(answerer.library)

    def ask(
        self,
        request: Request,
        ledger: UsedLedger,
        q: str = "",
        document: Annotated[list[str] | None, Query()] = None,
        open_: Annotated[str, Query(alias="open")] = "1",
    ) -> HTMLResponse:
        """The question box, and the answer to `q` with the source of citation `open` beside it."""
        documents = self._library.documents()
        chosen = tuple(document or ())
        shown: dict[str, object] = {
            "question": q.strip(),
            "chosen": frozenset(chosen),
            "scope": [each for each in documents if each.id in chosen],
            "titles": {each.id: each.title for each in documents},
            "signed_in": bool(getattr(request.state, "caller", "")),
        }
        if not q.strip():
            return self._render("index.html", shown | self._start(documents))
        try:
            answer = self._answerer.answer(q, document_ids=chosen or None)
        except QuestionError as error:
            refused = PageError(422, "That cannot be asked", _sentence(str(error)))
        except UnknownDocumentError:
            message = "A document chosen for this question has been removed. Choose again and ask."
            refused = PageError(404, "That document is not here", message)
        else:
            keep(ledger, answer, q.strip())
            shown |= {"searched": len(chosen or documents), "kept": is_kept(answer, ledger)}
            return self._render("index.html", shown | answer_values(answer, open_, self._library))
        return self._render("index.html", shown | self._start(documents) | {"error": refused}, refused.status)

    def _start(self, documents: Sequence[DocumentRecord]) -> dict[str, object]:
        few = [each for each in documents if each.characters <= _EXAMPLE_CHARACTERS][:_EXAMPLE_DOCUMENTS]
        return {
            "documents": documents[:MOST_LISTED],
            "unlisted": max(0, len(documents) - MOST_LISTED),
            "examples": example_questions(
                [headings(each) for each in present((record.id for record in few), self._library)]
            ),
        }

    def answer(
        self,
        answer_id: str,
        ledger: UsedLedger,
        open_: Annotated[str, Query(alias="open")] = "1",
        said: str = "",
    ) -> HTMLResponse:
        """An answer as it was given, by its permanent link; `said` thanks for what was said of it."""
        try:
            recalled = recall(answer_id, ledger, self._library)
        except PageError as error:
            return self._render("error.html", {"error": error}, error.status)
        titles = {each.id: each.title for each in self._library.documents()}
        values = answer_values(recalled.answer, open_, self._library)
        shown: dict[str, object] = {"question": recalled.question, "titles": titles, "recalled": recalled}
        shown |= {"kept": True, "said_before": said if said in ("yes", "no") else ""}
        return self._render("index.html", shown | values)

    def judge(
        self,
        answer_id: str,
        ledger: UsedLedger,
        helpful: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
    ) -> Response:
        """Remember whether an answer helped and, if not, why; then show the answer again, with thanks.

        A form that a page of another origin sends does not come as far as here (see `service.access`).
        """
        try:
            if helpful not in ("yes", "no") or len(reason) > MOST_REASON:
                raise PageError(422, "That cannot be kept", messages.reason_too_long(MOST_REASON))
            recall(answer_id, ledger, self._library)
            assert ledger is not None
            ledger.add_feedback(Feedback(answer_id, helpful == "yes", reason.strip(), "page", now()))
        except PageError as error:
            return self._render("error.html", {"error": error}, error.status)
        return RedirectResponse(f"{answer_url(answer_id)}?said={helpful}", 303, HEADERS)

    def source(
        self,
        document_id: str,
        span: Annotated[list[str] | None, Query()] = None,
        start: str | None = None,
        end: str | None = None,
        from_: Annotated[str | None, Query(alias="from")] = None,
        page: str | None = None,
        view: str = "",
        version: str = "",
    ) -> HTMLResponse:
        """A document with places marked: `span=start-end`, repeatable, or one `start=` and `end=`.

        One with pages is shown as the picture of `page=`, or of the first marked page; `view=text` asks for its
        source text. `from=` is the offset where the shown window of the text begins; otherwise it is around the
        first place.
        """
        asked = list(span or ())
        if start is not None or end is not None:
            asked.insert(0, f"{start or ''}-{end or ''}")
        try:
            place = Place(
                document_id,
                read_spans(asked),
                version,
                read_number(from_, "from=1200"),
                read_number(page, "page=3"),
                view == "text",
            )
            opened = open_place(self._library, place)
        except PageError as error:
            return self._render("error.html", {"error": error, "document_id": document_id}, error.status)
        return self._render("document.html", {"opened": opened})

    async def picture(self, document_id: str, number: Annotated[int, PathParameter(ge=1)]) -> Response:
        """A page as a picture. Its address carries the version of the document, so it can be kept."""
        image = await self._images.image(document_id, number)
        if image is None:
            return Response(status_code=404, headers=HEADERS)
        caching = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(image, media_type="image/png", headers=HEADERS | caching)

    def _render(self, template: str, values: dict[str, object], status: int = 200) -> HTMLResponse:
        content = self._environment.get_template(template).render(values)
        return HTMLResponse(content, status, HEADERS | {"Cache-Control": "private, no-cache"})


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."

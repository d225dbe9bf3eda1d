"""An answer as the page shows it: its prose cut at quotes and markers, links to places, words to quote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from urllib.parse import quote, urlencode

from index.types import StoredDocument
from ingest.types import Span
from service import messages
from service.types import Answer, Citation, Quote

VERSION = 12
"""Hexadecimal digits of a document's SHA-256 that a link carries, to tell whether the document changed."""

_QUESTION = re.compile(r"(?:how|what|when|where|which|who|why)\b", re.IGNORECASE)
_MARKER = re.compile(r"\s*\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of an answer: a citation's quote, a marker that stands for the citation, or plain text."""

    text: str
    citation: int = 0
    marker: bool = False


def segments(answer: Answer) -> tuple[Segment, ...]:
    """Cut an answer's text at its quotes and `[n]` markers.

    Only markers outside quotes count, and only those of a citation there is: `[1]` within a document's
    own words stays text.
    """
    text = answer.answer or ""
    numbers = {citation.number for citation in answer.citations}
    cut: list[Segment] = []
    at = 0
    for citation in sorted(answer.citations, key=lambda citation: citation.answer_start):
        if citation.answer_start < at or citation.answer_end <= citation.answer_start:
            continue
        cut += _markers(text[at : citation.answer_start], numbers)
        cut.append(Segment(text[citation.answer_start : citation.answer_end], citation.number))
        at = citation.answer_end
    return tuple(cut + _markers(text[at:], numbers))


def _markers(text: str, numbers: set[int]) -> list[Segment]:
    cut: list[Segment] = []
    at = 0
    for match in _MARKER.finditer(text):
        if int(match[1]) not in numbers:
            continue
        if at < match.start():
            cut.append(Segment(text[at : match.start()]))
        cut.append(Segment(match[1], int(match[1]), marker=True))
        at = match.end()
    if at < len(text):
        cut.append(Segment(text[at:]))
    return cut


def said(answer: Answer, citation: Citation) -> bool:
    """Whether the answer itself says all of the citation's text, so that it need not be shown again."""
    return (answer.answer or "")[citation.answer_start : citation.answer_end] == citation.cited_text


def marked_url(
    document_id: str,
    spans: Iterable[Span | Quote],
    sha256: str = "",
    start: int | None = None,
    page: int | None = None,
    *,
    text: bool = False,
) -> str:
    """Return the page of a document with the spans marked, at the first of them.

    Or else from the offset `start` on, at `page`, or as `text` though there are pictures of its pages.
    """
    fields = [("span", f"{span.start}-{span.end}") for span in spans]
    anchor = "#span-1" if fields and start is None and page is None else ""
    if sha256:
        fields.append(("version", sha256[:VERSION]))
    if start is not None:
        fields.append(("from", str(start)))
    if page is not None:
        fields.append(("page", str(page)))
    if text:
        fields.append(("view", "text"))
    return f"/documents/{quote(document_id, safe='')}" + (f"?{urlencode(fields)}" if fields else "") + anchor


def answer_url(answer_id: str) -> str:
    """Return the permanent link of an answer."""
    return f"/answers/{quote(answer_id, safe='')}"


def picture_url(document_id: str, page: int, sha256: str) -> str:
    """Return the picture of a document's page."""
    return f"/documents/{quote(document_id, safe='')}/pages/{page}.png?version={sha256[:VERSION]}"


def quotation(citation: Citation) -> str:
    """Return a citation's text in quotation marks, where it stands and what is wrong with it, if anything."""
    remark = messages.QUALITY[citation.source_quality]
    return f"“{citation.cited_text}”\n({messages.place(citation)})" + (f"\n[{remark}]" if remark else "")


def inner_path(title: str, section_path: Sequence[str]) -> tuple[str, ...]:
    """Return the headings above a place, without the document's title, which is shown beside them."""
    return tuple(heading for heading in section_path if heading.casefold() != title.casefold())


def headings(document: StoredDocument) -> tuple[str, ...]:
    """Return the headings of a document below its title, in order."""
    reading = document.reading
    found = [
        reading.text[each.start : each.end] for each in reading.sections if each.kind in ("title", "heading")
    ]
    return inner_path(document.record.title, found)


def example_questions(headings: Sequence[Sequence[str]], limit: int = 4) -> tuple[str, ...]:
    """Pick headings that say enough to be asked about, from each document in turn, questions first."""
    askable = ([text.strip() for text in each if _askable(text)] for each in headings)
    wanted = [sorted(each, key=lambda text: not _QUESTION.match(text)) for each in askable]
    in_turn = chain.from_iterable(zip_longest(*wanted))
    return tuple(islice(dict.fromkeys(text for text in in_turn if text), limit))


def _askable(heading: str) -> bool:
    byline = heading.lower().startswith("by ")
    return (
        2 <= len(heading.split()) <= 9
        and len(heading) <= 70
        and any(map(str.isalpha, heading))
        and not byline
    )

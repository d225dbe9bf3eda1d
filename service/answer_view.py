"""An answer as the page shows it: the prose cut at its quotes and markers, links, words for numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ingest.types import Quality, Span
from service.types import Answer, Citation, Quote

VERSION = 12
"""Hexadecimal digits of a document's SHA-256 that a link carries, to tell whether the document changed."""

DAMAGE: dict[Quality, tuple[str, str]] = {
    "intact": ("", ""),
    "joined": ("Joined.", "In the source, something stands in the middle of this text."),
    "repaired": ("Repaired.", "The source is damaged here, and its words were put back in order."),
    "suspect": ("Suspect.", "The source is damaged here. Read it there before you rely on it."),
}
"""What a citation's source quality means to a reader; empty where nothing need be said."""

_MARKER = re.compile(r"\s*\[(\d+)\]")


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


def confidence_in_words(answer: Answer) -> str:
    """Say how far an answer may be trusted."""
    if answer.confidence >= 0.8:
        return "high confidence"
    return "fair confidence" if answer.confidence >= 0.5 else "low confidence"


def source_url(
    document_id: str, spans: Iterable[Span | Quote], sha256: str = "", start: int | None = None
) -> str:
    """Return the page of a document with the spans marked, at the first of them or else from `start` on."""
    fields = [("span", f"{span.start}-{span.end}") for span in spans]
    anchor = "#span-1" if fields and start is None else ""
    if sha256:
        fields.append(("version", sha256[:VERSION]))
    if start is not None:
        fields.append(("from", str(start)))
    return f"/documents/{quote(document_id, safe='')}" + (f"?{urlencode(fields)}" if fields else "") + anchor


def reference(citation: Citation) -> str:
    """Name a citation's place as a person would: title, section, page or line."""
    where = f"p. {citation.page}" if citation.page is not None else f"line {citation.line}"
    section = " › ".join(inner_path(citation.document_title, citation.section_path))
    return ", ".join(part for part in (citation.document_title, section, where) if part)


def quotation(citation: Citation) -> str:
    """Return a citation's text in quotation marks, with its reference and what is wrong with it, if anything."""
    damage = " ".join(DAMAGE[citation.source_quality])
    return f"“{citation.cited_text}”\n({reference(citation)})\n{damage}".rstrip()


def inner_path(title: str, section_path: Sequence[str]) -> tuple[str, ...]:
    """Return the headings above a place, without the document's title, which is shown beside them."""
    path = tuple(section_path)
    return path[1:] if path[:1] == (title,) else path


def example_questions(headings: Sequence[Sequence[str]], limit: int = 4) -> tuple[str, ...]:
    """Pick headings that say enough to be asked about, from each document in turn."""
    wanted: list[list[str]] = [[text for text in each if _askable(text)] for each in headings]
    picked: list[str] = []
    for rank in range(max((len(each) for each in wanted), default=0)):
        for each in wanted:
            if rank < len(each) and each[rank] not in picked:
                picked.append(each[rank])
            if len(picked) == limit:
                return tuple(picked)
    return tuple(picked)


def _askable(heading: str) -> bool:
    return 2 <= len(heading.split()) <= 9 and len(heading) <= 70 and any(map(str.isalpha, heading))

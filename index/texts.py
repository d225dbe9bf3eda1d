"""What of a document is embedded and indexed: its reading text, led by what a reader would know from its place."""

from __future__ import annotations

from ingest.reading import Reading

_SAID_OF = {
    "authors": "Authors of this document, paper, report, written by: ",
    "date": "Date of this document, paper, report, written and published: ",
}
"""Front matter does not say what it is: "By A. Smith" and "May 2020" answer who wrote it, and when."""


def passage_text(title: str, reading: Reading, start: int, end: int) -> str:
    """Return the text for the passage at reading range `start:end`: the document's title and the headings above it come first."""
    headings = [
        title,
        *(each for each in reading.section_at(start).path if each.casefold() != title.casefold()),
    ]
    said = {section.label for section in (reading.section_at(start), *reading.sections_within(start, end))}
    leads = "".join(_SAID_OF[label] for label in _SAID_OF if label in said)
    return "\n".join([" - ".join(headings), leads + reading.text[start:end]])


def sentence_text(reading: Reading, start: int, end: int) -> str:
    """Return the text for the sentence at reading range `start:end`."""
    return _SAID_OF.get(reading.section_at(start).label or "", "") + reading.text[start:end]

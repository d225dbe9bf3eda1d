"""What is embedded and indexed: the text, led by what its place says of it."""

from __future__ import annotations

from index.library import Library
from index.texts import passage_text, sentence_text
from ingest.readers import read_document
from ingest.repair import repair
from service.answering import Answerer
from service.refusal import Refusal

PAPER = b"# Rivers of the North\n\nBy Ada Byron & Kim Lee\n\nMay 2020\n\n## Floods\n\nThe Alm floods every spring."


def test_titles_and_headings_lead_a_passage() -> None:
    reading = repair(read_document(PAPER, "rivers.md"))
    start = reading.text.index("Floods")
    assert passage_text("Rivers of the North", reading, start, len(reading.text)) == (
        "Rivers of the North - Floods\nFloods\n\nThe Alm floods every spring."
    )


def test_front_matter_is_said_to_be_what_it_is() -> None:
    reading = repair(read_document(PAPER, "rivers.md"))
    said = [sentence_text(reading, s.start, s.end) for s in reading.sections if s.kind == "front_matter"]
    assert [text.partition(":")[0].split()[0] for text in said] == ["Authors", "Date"]
    assert said[0].endswith("written by: By Ada Byron & Kim Lee")


def test_who_wrote_it_and_when_is_answered(library: Library) -> None:
    library.add(PAPER, "rivers.md")
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))
    for question, expected in [
        ("Who wrote this paper?", "Ada Byron"),
        ("When was this published?", "May 2020"),
    ]:
        cited = answerer.answer(question, max_citations=1).citations[0]
        assert expected in cited.cited_text
        assert "written" not in cited.cited_text, "the lead is for finding, not for quoting"

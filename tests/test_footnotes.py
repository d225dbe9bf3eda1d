"""Notes: recognised, mended, and found from the sentence that calls them."""

from __future__ import annotations

import pytest

from ingest.markdown import read_markdown
from ingest.plain import read_plain
from ingest.reading import Reading
from ingest.repair import repair
from ingest.types import Block, Document, Piece


def read(source: str, markdown: bool = True) -> Reading:
    blocks = read_markdown(source) if markdown else read_plain(source)
    return repair(Document("t", source, "0" * 64, "text/markdown", blocks))


def notes_of(reading: Reading, text: str) -> list[str]:
    """Return the texts of the notes that `text` calls."""
    start = reading.text.index(text)
    found = reading.notes_for(start, start + len(text))
    return [reading.text[note.start : note.end] for note in found]


@pytest.mark.parametrize(
    ("source", "markdown"),
    [
        ("A claim.[^1] Another.\n\n[^1]: The source.", True),
        ("A claim.<sup>1</sup> Another.\n\n<sup>1</sup> The source.", True),
        ("A claim.<sup>1</sup> Another.\n\n<sup>&</sup>lt;sup>1</sup>The source.", True),
        ("A claim.¹ Another.\n\n¹ The source.", False),
    ],
)
def test_finds_the_note_of_a_sentence(source: str, markdown: bool) -> None:
    reading = read(source, markdown)
    assert reading.text == "A claim. Another.\n\nThe source."
    assert notes_of(reading, "A claim.") == ["The source."]
    assert notes_of(reading, "Another.") == []
    assert [(section.kind, section.label) for section in reading.sections][-1] == ("note", "1")


def test_shows_a_bracketed_mark_and_finds_its_note() -> None:
    reading = read("As shown in [2] before.\n\n[1] One.\n\n[2] Two.", markdown=False)
    assert reading.text.startswith("As shown in [2] before.")
    assert notes_of(reading, "shown in [2]") == ["[2] Two."]


def test_leaves_brackets_that_no_note_explains() -> None:
    reading = read("The array a[1] and a[2] are read.", markdown=False)
    assert reading.marks == ()


def test_keeps_notes_behind_the_text_in_order() -> None:
    reading = read("One[^b] two[^a].\n\n[^a]: Note a.\n\n[^b]: Note b.\n\nThe last paragraph.")
    assert reading.text == "One two.\n\nThe last paragraph.\n\nNote a.\n\nNote b."
    assert [(mark.label, mark.note) for mark in reading.marks] == [("b", 1), ("a", 0)]


def test_gives_a_label_used_again_to_the_next_note() -> None:
    source = "First.<sup>1</sup>\n\n<sup>1</sup> Note of the first.\n\nSecond.<sup>1</sup>\n\n<sup>1</sup> Note of it."
    reading = read(source)
    assert notes_of(reading, "First.") == ["Note of the first."]
    assert notes_of(reading, "Second.") == ["Note of it."]


def test_mends_a_note_whose_address_stands_apart() -> None:
    reading = read("A.<sup>3</sup>\n\n<sup>3</sup> Oxford, last seen 2017,\n\nhttp://a.b/c_d.")
    (note,) = reading.notes
    assert reading.text[note.start : note.end] == "Oxford, last seen 2017, http://a.b/c_d."
    assert note.urls == ("http://a.b/c_d",)


def test_mends_a_note_whose_address_stands_before_it() -> None:
    reading = read(
        "A.<sup>3</sup>\n\nhttps://a.b/x y.pdf.\n\n<sup>3</sup> The plan, p. 23,\n\n<sup>4</sup> Other."
    )
    assert [note.urls for note in reading.notes] == [("https://a.b/x y.pdf",), ()]
    assert [edit.kind for edit in reading.edits] == ["move"]


def test_reads_a_note_of_two_paragraphs_as_one() -> None:
    reading = read("A.[^1]\n\n[^1]: One.\n\n    Two. <https://a.b>")
    (note,) = reading.notes
    assert reading.text[note.start : note.end] == "One.\n\nTwo. https://a.b"
    assert note.urls == ("https://a.b",)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("an area of 5 m<sup>2</sup>", "an area of 5 m²"),
        ("about 10<sup>6</sup> units", "about 10⁶ units"),
        ("the n<sup>th</sup> time", "the nth time"),
        ("an unexplained claim.<sup>9</sup>", "an unexplained claim."),
    ],
)
def test_reads_superscripts_that_are_no_marks(source: str, text: str) -> None:
    assert read(source).text == text


def test_takes_marks_and_notes_from_any_reader() -> None:
    source = "A claim12 here. 12 The source."
    blocks = (
        Block(
            "paragraph",
            0,
            15,
            (Piece("A claim", 0, 7), Piece("", 7, 9, note="n12"), Piece(" here.", 9, 15)),
        ),
        Block("note", 16, 30, (Piece("The source.", 19, 30),), label="n12", urls=("https://a.b",)),
    )
    reading = repair(Document("t", source, "0" * 64, "text/html", blocks))
    assert reading.text == "A claim here.\n\nThe source."
    (note,) = reading.notes_for(0, 7)
    assert (note.label, note.urls) == ("n12", ("https://a.b",))


def test_a_cited_span_with_a_mark_is_one_exact_span() -> None:
    source = "The claim<sup>1</sup> goes on.\n\n<sup>1</sup> Why."
    reading = read(source)
    (span,) = reading.source_spans(0, len("The claim goes on."))
    assert source[span.start : span.end] == "The claim<sup>1</sup> goes on."

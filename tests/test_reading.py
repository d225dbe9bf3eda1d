"""The reading text and its map to the source, in both directions."""

from __future__ import annotations

import pytest

from ingest.reading import Reading
from ingest.types import Document, Edit, Mark, Note, Piece, Repeat, Section, Span

#         0         1         2
#         012345678901234567890123456
SOURCE = "One &amp; two [cut] three 𝒜."
PIECES = (
    Piece("One ", 0, 4),
    Piece("&", 4, 9),
    Piece(" two", 9, 13),
    Piece(" ", 20, 20),
    Piece("three 𝒜.", 20, 28, "joined"),
)
EDITS = (Edit("drop", Span(14, 19), 9, "an interruption"),)
SECTIONS = (Section("paragraph", 0, 18, ("A",)),)


@pytest.fixture
def reading() -> Reading:
    return Reading.of(PIECES, SECTIONS, EDITS)


def test_lays_pieces_end_to_end(reading: Reading) -> None:
    assert reading.text == "One & two three 𝒜."


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("One", ["One"]),
        ("ne & t", ["ne &amp; t"]),
        ("&", ["&amp;"]),
        ("two three", ["two", "three"]),
        ("𝒜", ["𝒜"]),
        ("One & two three 𝒜.", ["One &amp; two", "three 𝒜."]),
    ],
)
def test_maps_a_range_to_the_source(reading: Reading, text: str, spans: list[str]) -> None:
    start = reading.text.index(text)
    found = reading.source_spans(start, start + len(text))
    assert [SOURCE[span.start : span.end] for span in found] == spans


@pytest.mark.parametrize(
    ("source", "read"),
    [("One", ["One"]), ("amp", ["&"]), ("two [cut] th", ["two th"]), ("cut", [])],
)
def test_maps_the_source_to_ranges(reading: Reading, source: str, read: list[str]) -> None:
    start = SOURCE.index(source)
    found = reading.reading_spans(Span(start, start + len(source)))
    assert [reading.text[span.start : span.end] for span in found] == read


def test_an_empty_range_has_no_source(reading: Reading) -> None:
    assert reading.source_spans(4, 4) == ()


def test_refuses_a_range_outside_the_text(reading: Reading) -> None:
    with pytest.raises(ValueError, match="18 characters: 0:99"):
        reading.source_spans(0, 99)


def test_an_interruption_counts_only_for_ranges_across_it(reading: Reading) -> None:
    assert reading.quality(0, 9) == "intact"
    assert reading.quality(6, 15) == "joined"
    assert reading.quality(10, 18) == "intact"


def test_the_worst_counts() -> None:
    pieces = (Piece("a ", 0, 2, "repaired"), Piece("b ", 2, 4, "suspect"), Piece("c", 4, 5))
    reading = Reading.of(pieces, ())
    assert [reading.quality(0, 2), reading.quality(0, 4), reading.quality(4, 5)] == [
        "repaired",
        "suspect",
        "intact",
    ]


def test_a_span_breaks_where_a_part_is_read_out_of_order() -> None:
    reading = Reading.of([Piece("a", 0, 1), Piece("c", 4, 5), Piece("b", 2, 3)], ())
    assert reading.text == "acb"
    assert reading.source_spans(0, 3) == (Span(0, 1), Span(4, 5), Span(2, 3))


def test_markup_between_pieces_does_not_break_a_span() -> None:
    reading = Reading.of([Piece("a ", 0, 2), Piece("bold", 4, 8), Piece(" c", 10, 12)], ())
    assert reading.source_spans(0, 8) == (Span(0, 12),)


def test_finds_the_section_of_a_place(reading: Reading) -> None:
    assert reading.section_at(17) is SECTIONS[0]


def test_finds_notes_by_their_marks() -> None:
    notes = (Note("1", 20, 25), Note("2", 26, 30, ("https://a.b",)))
    marks = (Mark(4, "1", Span(4, 5), 0), Mark(9, "2", Span(9, 10), 1), Mark(9, "?", Span(10, 11)))
    reading = Reading.of(PIECES, SECTIONS, EDITS)
    reading = Reading(reading.text, reading.pieces, reading.breaks, SECTIONS, EDITS, marks, notes)
    assert reading.notes_for(0, 4) == (notes[0],)
    assert reading.notes_for(4, 9) == (notes[1],), "a mark at the start belongs to what is before it"
    assert reading.notes_for(10, 18) == ()


@pytest.mark.parametrize(
    ("start", "end", "found"), [(0, 9, True), (2, 5, True), (0, 18, True), (8, 18, False), (10, 18, False)]
)
def test_finds_repeats_of_what_is_cited(start: int, end: int, found: bool) -> None:
    reading = Reading.of(PIECES, SECTIONS, EDITS)
    repeats = (Repeat(0, 9, Span(14, 19)),)
    reading = Reading(reading.text, reading.pieces, reading.breaks, SECTIONS, EDITS, repeats=repeats)
    assert reading.repeats_of(start, end) == ((Span(14, 19),) if found else ())


def test_yields_runs_of_one_quality(reading: Reading) -> None:
    runs = [(reading.text[span.start : span.end], quality) for span, quality in reading.runs(5, 15)]
    assert runs == [(" two", "intact"), (" ", "intact"), ("three", "joined")]


def test_an_empty_reading_is_sound() -> None:
    reading = Reading.of((), ())
    assert reading.source_spans(0, 0) == ()
    assert reading.unaccounted(Document("t", "", "0" * 64, "text/plain", ())) == ()

"""The reading text keeps its promises on any document, and heals the damage that it knows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents import DAMAGES, MARKDOWN, damaged, with_running_heads
from ingest.markdown import read_markdown
from ingest.plain import read_plain
from ingest.readers import read_document
from ingest.reading import Reading
from ingest.repair import repair
from ingest.types import Block, Document, Piece, Span


def document_of(source: str, markdown: bool = True) -> Document:
    blocks = read_markdown(source) if markdown else read_plain(source)
    return Document("t", source, "0" * 64, "text/markdown", blocks)


def read(source: str) -> Reading:
    return repair(document_of(source))


def plain(text: str) -> str:
    """Return `text` with every white space as one blank, character by character."""
    return "".join(" " if character.isspace() else character for character in text)


def check(document: Document, reading: Reading) -> None:
    """Assert what holds for every reading of every document."""
    source = document.source
    assert reading.unaccounted(document) == ()
    rows = reading.pieces.tolist()
    replaced = {edit.source.start for edit in reading.edits if edit.kind == "replace"}
    ends = [row[0] for row in rows[1:]] + [len(reading.text)] * bool(rows)
    for (at, low, high, _), end in zip(rows, ends, strict=True):
        assert 0 <= low <= high <= len(source)
        if low == high:
            assert not reading.text[at:end].strip(" |;:\n"), "only spaces and table rules are added"
        elif high - low == end - at and low not in replaced and "\x00" not in source[low:high]:
            assert plain(reading.text[at:end]) == plain(source[low:high])
    for edit in reading.edits:
        assert edit.source.end <= len(source)
        assert edit.at <= len(reading.text)
        assert edit.reason
    for section in reading.sections:
        assert reading.text[section.start : section.end].strip(), "no section is empty"
    for mark in reading.marks:
        assert mark.at <= len(reading.text)
        assert mark.note is None or reading.notes[mark.note].label == mark.label
    for repeat in reading.repeats:
        assert repeat.start < repeat.end <= len(reading.text)


def check_range(document: Document, reading: Reading, start: int, end: int) -> None:
    """Assert that reading range `start:end` maps to the source and back, and loses nothing on the way."""
    spans = reading.source_spans(start, end)
    back = np.zeros(len(reading.text), np.bool_)
    for span in spans:
        assert 0 <= span.start < span.end <= len(document.source)
        for found in reading.reading_spans(span):
            back[found.start : found.end] = True
    missing = [k for k in range(start, end) if not back[k]]
    inserted = [low for low, a, b, _ in reading.pieces.tolist() if a == b]
    assert all(reading.text[k] in " |;:\n" for k in missing), (missing, inserted)


@settings(max_examples=150, deadline=None)
@given(MARKDOWN, st.booleans(), st.data())
def test_maps_exactly_whatever_the_document(source: str, markdown: bool, data: st.DataObject) -> None:
    document = document_of(source, markdown)
    reading = repair(document)
    check(document, reading)
    start = data.draw(st.integers(0, len(reading.text)))
    check_range(document, reading, start, data.draw(st.integers(start, len(reading.text))))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(sorted(DAMAGES)), st.booleans())
def test_heals_known_damage(seed: int, damage: str, crlf: bool) -> None:
    made = damaged(seed, damage)
    document = document_of(made.source.replace("\n", "\r\n") if crlf else made.source)
    reading = repair(document)
    check(document, reading)
    assert reading.text.count(made.clean) == 1
    start = reading.text.index(made.clean)
    check_range(document, reading, start, start + len(made.clean))
    assert reading.quality(start, start + len(made.clean)) in ("joined", "intact")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**9))
def test_drops_running_heads_and_page_numbers(seed: int) -> None:
    made = with_running_heads(seed)
    document = document_of(made.source, markdown=False)
    reading = repair(document)
    check(document, reading)
    assert reading.text == made.clean


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_leaves_sound_text_alone(seed: int) -> None:
    source = damaged(seed, "page break").clean.replace(". ", ".\n\n")
    reading = read(source)
    assert reading.edits == ()
    assert reading.text == source


@pytest.mark.parametrize(
    "source",
    [
        "Ingredients for the cake that everybody in the whole wide family likes so very much:\n\n- flour\n- eggs",
        "Jane Doe\n\n12 Main Street\n\nspringfield",
        "# Poem\n\nthe river runs\n\nthe river bends\n\nthe river ends",
        "Run the following command in the folder of the project that you want to build and\n\n```\nmake\n```\n\nthen wait.",
        "- red and\n- green and\n- blue",
        "where the cat sat.\n\nand the dog stood.\n\nbut the bird flew.\n\nso the fish swam.",
        "Dear all, this is a letter about the harbor and its many boats and the sea.\n\nYours\n\nAnne",
        "AUDIENCE: Booo —\n\nThe President spoke for a long time about the economy of the country.\n\nAUDIENCE: Booo —",
        "She said: “No, never.” The paragraph ends here as it should.\n\nThe next one begins as it should.",
    ],
)
def test_leaves_what_only_looks_damaged(source: str) -> None:
    assert [edit for edit in read(source).edits if edit.kind != "replace"] == []


@pytest.mark.parametrize("name", ["state_of_the_union.md", "wikitexts.md"])
def test_repairs_nothing_in_the_benchmark_corpora(shared: Path, name: str) -> None:
    data = (shared / "benchmarks" / "chunking-evaluation" / name).read_bytes()
    assert repair(read_document(data, name)).edits == ()


def test_keeps_a_repetition_that_is_no_pull_quote() -> None:
    refrain = "The harbor stands and the lights are burning through the night."
    reading = read(
        f"{refrain}\n\nA verse comes here, of its own words.\n\n{refrain}\n\nAnother verse follows it."
    )
    assert reading.text.count(refrain) == 2


def test_searches_a_pull_quote_between_whole_paragraphs_once() -> None:
    sentence = "The committee found that the harbor lost half of its trade within a single year"
    body = f"It met in March. {sentence}, and said so. Nobody on the board disagreed with that at the time."
    document = document_of(f"{body}\n\n{sentence}.\n\nA new paragraph begins here and ends here.")
    reading = repair(document)
    assert reading.text.count(sentence) == 1
    start = reading.text.index(sentence)
    (span,) = reading.repeats_of(start, start + len(sentence))
    assert document.source[span.start : span.end] == f"{sentence}."


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a collabo-\nration of many", "a collaboration of many"),
        ("well-\nbeing is well-being", "well-being is well-being"),
        ("the long term. A term so long: long-\nterm", "the long term. A term so long: long-term"),
        ("sold over-the-\ncounter", "sold over-the-counter"),
        ("pre-\nand post-war years", "pre- and post-war years"),
        ("soft\u00adware and zero\u200bwidth", "software and zerowidth"),
        ("ﬁnance and oﬃce", "finance and office"),
        ("R&amp;D costs &euro;5", "R&D costs €5"),
        ("`a-\nb`", "a- b"),
    ],
)
def test_mends_characters(source: str, text: str) -> None:
    assert read(source).text == text


def test_never_invents_a_character() -> None:
    source = (
        "The Mexicorelated issues of collabo-\nration &amp; trade, and\n\n# Head\n\nthe rest of the sentence."
    )
    reading = read(source)
    assert Counter(reading.text.replace(" ", "").replace("\n", "")) <= Counter(source)


def test_drops_a_title_that_is_repeated_and_begins_again_under_it() -> None:
    body = "Running text of some length that stands under the title again, as one would expect it to."
    reading = read(f"# The Title\n\n## Summary\n\nShort.\n\n### THE TITLE\n\n{body}")
    assert reading.text.lower().count("the title") == 2
    assert reading.section_at(reading.text.index("Running")).path == ("The Title",)
    assert [edit.reason for edit in reading.edits] == ["the title again"]


def test_reads_furniture_that_a_reader_found_as_dropped() -> None:
    source = "Head\n\nText."
    blocks = (
        Block("furniture", 0, 4, (Piece("Head", 0, 4),)),
        Block("paragraph", 6, 11, (Piece("Text.", 6, 11),)),
    )
    document = Document("t", source, "0" * 64, "text/plain", blocks)
    reading = repair(document)
    assert reading.text == "Text."
    assert reading.unaccounted(document) == ()


def test_tells_what_is_unaccounted_for() -> None:
    document = document_of("One.\n\nTwo.")
    other = Reading.of(document.blocks[0].pieces, ())
    assert other.unaccounted(document) == (Span(6, 10),)


@pytest.mark.parametrize(
    "source",
    [
        "a" * 10**6,
        "[" * 10**5 + "]" * 10**5,
        "word " * 10**5,
        "a\n\n" * 20_000,
        "<sup>1</sup>" * 10**4,
        "\\" * 10**5,
    ],
    ids=["one word", "brackets", "one line", "tiny paragraphs", "marks", "escapes"],
)
def test_bears_pathological_input(source: str) -> None:
    document = document_of(source)
    assert repair(document).unaccounted(document) == ()

"""Passages and sentences: exact ranges, whole sentences, parted at headings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.chunking import chunk
from ingest.readers import NoTextError, read_document
from ingest.reading import Reading
from ingest.repair import repair
from ingest.types import Document

words = st.sampled_from(
    "alpha Beta gamma. Delta! naïve 𝒳𝒴 e\u0301te\u0301 **bold** `code` &amp; don’t \\_x 1999. [a](http://b) <b> the The".split()
)
lines = st.lists(words, min_size=1, max_size=30).map(" ".join)
blocks = st.one_of(
    lines,
    lines.map(lambda line: f"# {line}"),
    lines.map(lambda line: f"- {line}"),
    lines.map(lambda line: f"> {line}"),
    lines.map(lambda line: f"| a | b |\n|---|---|\n| {line.replace('|', '')} | 2 |"),
    lines.map(lambda line: f"```\n{line}\n```"),
    st.just(""),
    st.just("The same paragraph, again and again. It repeats."),
)
documents = st.builds(
    lambda parts, newline: f"{newline}{newline}".join(parts).replace("\n", newline),
    st.lists(blocks, min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
)


def read(text: str) -> tuple[Document, Reading]:
    document = read_document(text.encode(), "generated")
    return document, repair(document)


@given(documents, st.integers(40, 900))
def test_every_span_is_the_source_and_every_sentence_is_in_its_passage(text: str, size: int) -> None:
    try:
        document, reading = read(text)
    except NoTextError:
        return
    assert document.source == text
    chunks = chunk(reading, size)
    for part in (*chunks.passages, *chunks.sentences):
        spans = reading.source_spans(part.start, part.end)
        assert spans, "a passage or sentence without a place in the source"
        for span in spans:
            assert 0 <= span.start < span.end <= len(text)
    for sentence in chunks.sentences:
        passage = chunks.passages[sentence.passage]
        assert passage.start <= sentence.start < sentence.end <= passage.end
    starts = [passage.start for passage in chunks.passages]
    assert starts == sorted(set(starts)), "starts increase"


@given(documents)
def test_reading_text_stands_in_its_source_spans(text: str) -> None:
    """A verbatim run of reading text, looked up in the source, is the same text."""
    try:
        document, reading = read(text)
    except NoTextError:
        return
    for start, low, high, _ in reading.pieces:
        spans = reading.source_spans(int(start), int(start) + 1)
        if high - low and spans:
            (span,) = spans
            assert low <= span.start < span.end <= high
            if span.end - span.start == 1 and document.source[span.start] not in "\r\n":
                assert document.source[span.start] == reading.text[start]


@given(documents)
def test_all_visible_reading_text_is_in_a_passage(text: str) -> None:
    try:
        _, reading = read(text)
    except NoTextError:
        return
    inside = {i for passage in chunk(reading).passages for i in range(passage.start, passage.end)}
    assert all(i in inside for i, character in enumerate(reading.text) if not character.isspace())


def test_passages_break_at_headings_and_carry_their_path() -> None:
    _, reading = read("# Guide\n\nFirst part.\n\n## Setup\n\nSecond part.\n\n# Other\n\nThird part.")
    found = [(reading.text[p.start : p.end], p.section_path) for p in chunk(reading).passages]
    assert found == [
        ("Guide\n\nFirst part.", ("Guide",)),
        ("Setup\n\nSecond part.", ("Guide", "Setup")),
        ("Other\n\nThird part.", ("Other",)),
    ]


def test_passages_hold_whole_sentences_of_about_the_wanted_size() -> None:
    sentence = "This sentence has exactly fifty characters in it."
    _, reading = read(" ".join([sentence] * 40))
    chunks = chunk(reading, 200)
    lengths = [passage.end - passage.start for passage in chunks.passages]
    assert len(sentence) == 49
    assert set(lengths) <= {3 * 49 + 2, 4 * 49 + 3, 49 * 1}
    assert len(chunks.sentences) == 40


def test_headings_are_marked_among_the_sentences() -> None:
    _, reading = read("# Title\n\nBody text.")
    assert [(reading.text[s.start : s.end], s.heading) for s in chunk(reading).sentences] == [
        ("Title", True),
        ("Body text.", False),
    ]


def test_a_mark_of_the_splitter_in_the_text_does_no_harm() -> None:
    text = "One\x1e sentence. Two\x1e sentences. " * 60
    _, reading = read(text)
    chunks = chunk(reading, 100)
    assert all(s.end - s.start > 3 for s in chunks.sentences)

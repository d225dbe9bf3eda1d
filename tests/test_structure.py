"""Titles, front matter, headings and labels, as a reader sees them."""

from __future__ import annotations

import pytest

from ingest.markdown import read_markdown
from ingest.plain import read_plain
from ingest.reading import Reading
from ingest.repair import repair
from ingest.types import Document

PROSE = "Running text of some length that goes on for a while, so that it is taken for nothing else at all."


def read(source: str) -> Reading:
    return repair(Document("t", source, "0" * 64, "text/markdown", read_markdown(source)))


def front(reading: Reading) -> dict[str | None, str]:
    return {
        section.label: reading.text[section.start : section.end]
        for section in reading.sections
        if section.kind == "front_matter"
    }


@pytest.mark.parametrize(
    "line",
    [
        "By Jane Doe",
        "By Earl A. Wayne & Arturo Sarukhan",
        "by Ludwig van Beethoven and María de la Cruz",
        "Authors: A. One, B. Two, and C. Three",
        "Jane Doe, John Smith and Ann Lee",
    ],
)
def test_finds_authors(line: str) -> None:
    assert front(read(f"# On Rivers\n\n{line}\n\n{PROSE}")) == {"authors": line}


@pytest.mark.parametrize(
    "line",
    [
        "January 2017",
        "12 March 2019",
        "March 12, 2019",
        "2020-01-31",
        "Published: May 2021",
        "31.12.1999",
        "Spring 2004",
    ],
)
def test_finds_the_date(line: str) -> None:
    assert front(read(f"# On Rivers\n\n{line}\n\n{PROSE}")) == {"date": line}


def test_takes_an_author_set_as_heading_out_of_the_headings() -> None:
    reading = read(f"# On Rivers\n\n#### By Jane Doe\n\n{PROSE}")
    assert front(reading) == {"authors": "By Jane Doe"}
    assert reading.section_at(reading.text.index(PROSE)).path == ("On Rivers",)


@pytest.mark.parametrize(
    "line", ["By the way", "By 2030 the goal is met", "A short line", "In March 2020 it rained."]
)
def test_takes_nothing_else_for_front_matter(line: str) -> None:
    assert front(read(f"# On Rivers\n\n{line}\n\n{PROSE}")) == {}


def test_nests_headings_by_rank() -> None:
    reading = read(f"# A\n\n## B\n\n### C\n\nOne.\n\n## D\n\nTwo.\n\n# E\n\n{PROSE}")
    paths = [reading.section_at(reading.text.index(text)).path for text in ("One.", "Two.", PROSE)]
    assert paths == [("A", "B", "C"), ("A", "D"), ("E",)]


def test_counts_labels_that_run_into_their_paragraphs() -> None:
    reading = read(f"# A\n\nThe north: {PROSE}\n\nMore.\n\nThe far south: {PROSE}\n\n## B\n\nLast.")
    paths = [
        reading.section_at(reading.text.index(text)).path
        for text in ("The north", "More.", "The far", "Last.")
    ]
    assert paths == [("A", "The north"), ("A", "The north"), ("A", "The far south"), ("A", "B")]
    assert reading.text.count("The north: Running") == 1


@pytest.mark.parametrize(
    "label", ["Note", "He said", "THE PRESIDENT", "This is what we found", "Table 3", "To"]
)
def test_takes_no_speech_or_remark_for_a_label(label: str) -> None:
    reading = read(f"# A\n\n{label}: {PROSE}\n\n{label}: {PROSE}")
    assert {section.path for section in reading.sections} == {("A",)}


def test_gives_back_a_sentence_that_a_heading_swallowed() -> None:
    source = (
        f"# A\n\nWe like the United Nations.\n\n## Aid: As said, all of the United\n\nNations agree. {PROSE}"
    )
    reading = read(source)
    assert f"Aid:\n\nAs said, all of the United Nations agree. {PROSE}" in reading.text
    assert reading.section_at(reading.text.index("As said")).path == ("A", "Aid")


def test_leaves_a_heading_with_a_subtitle() -> None:
    reading = read(f"# A\n\n## Chapter 1: The Beginning of the End\n\n{PROSE}")
    assert reading.section_at(reading.text.index(PROSE)).path == ("A", "Chapter 1: The Beginning of the End")
    assert reading.edits == ()


def test_reads_headings_of_plain_text_and_long_lines_as_paragraphs() -> None:
    source = f" = A = \n {PROSE} {PROSE} \n = = B = = \n {PROSE} \n"
    reading = repair(Document("t", source, "0" * 64, "text/plain", read_plain(source)))
    assert reading.text == f"A\n\n{PROSE} {PROSE}\n\nB\n\n{PROSE}"
    assert reading.sections[-1].path == ("A", "B")

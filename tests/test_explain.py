"""What a person is shown of a repair."""

from __future__ import annotations

from ingest.explain import Line, compare, explain
from ingest.markdown import read_markdown
from ingest.reading import Reading
from ingest.repair import repair
from ingest.types import Document

SOURCE = """# Rivers

The first paragraph is sound. Its second sentence was cut by a quote on the

The river runs to the sea through seven towns.

page that followed. The river runs to the sea through seven towns.<sup>1</sup>

<sup>1</sup> A note.
"""


def read(source: str) -> tuple[Document, Reading]:
    document = Document("t", source, "0" * 64, "text/markdown", read_markdown(source))
    return document, repair(document)


def text_of(line: Line) -> str:
    return "".join(text for text, _ in line)


def test_shows_the_reading_text_with_what_was_done() -> None:
    lines = list(explain(*read(SOURCE)))
    assert [text_of(line) for line in lines] == [
        "Rivers",
        "",
        "The first paragraph is sound. Its second sentence was cut by a quote on the page that followed. "
        "The river runs to the sea through seven towns.",
        "    lines 3 and 7 joined: the sentence goes on here: no end before, no beginning after",
        "    line 5 left out: a pull-quote: it repeats the text “The river runs to the sea through seven towns.”",
        "",
        "[1] A note.",
        "",
        "2 edits (1 joined, 1 left out); 1 note, 1 mark",
    ]
    assert lines[0] == (("Rivers", "heading"),)
    assert [style for _, style in lines[2]] == ["text", "joined"]


def test_compares_a_repaired_paragraph_with_its_source() -> None:
    lines = [text_of(line) for line in compare(*read(SOURCE))]
    assert lines[0] == "@@ lines 3-7 @@"
    assert [line[0] for line in lines[1:-2]] == ["-", "-", "-", "+", "#", "#"]
    assert "Rivers" not in "".join(lines), "what needed no repair is not shown"


def test_says_that_there_was_nothing_to_repair() -> None:
    document, reading = read("# Head\n\nSound text.")
    assert text_of(list(compare(document, reading))[-1]) == "nothing to repair; 0 notes, 0 marks"

"""Markdown to blocks: kinds, places, marks and addresses."""

from __future__ import annotations

import pytest

from ingest.markdown import read_markdown
from ingest.types import Block


def only(source: str) -> Block:
    (block,) = read_markdown(source)
    return block


def marks(block: Block, source: str) -> list[tuple[str, str]]:
    """Return label and source of the marks of `block`."""
    return [(piece.note, source[piece.start : piece.end]) for piece in block.pieces if piece.note]


def test_reads_each_kind_of_block_with_its_level() -> None:
    source = (
        "---\ntitle: x\n---\n\n## Head\n\nText.\n\n- item\n  - inner\n\n> said\n\n"
        "```\ncode\n```\n\n| a | b |\n|---|---|\n| c | d |\n\n[^n]: Note."
    )
    blocks = [(block.kind, block.level, block.text) for block in read_markdown(source)]
    assert blocks == [
        ("front_matter", 0, "title: x"),
        ("heading", 2, "Head"),
        ("paragraph", 0, "Text."),
        ("list_item", 1, "item"),
        ("list_item", 2, "inner"),
        ("quote", 1, "said"),
        ("code", 0, "code"),
        ("table_row", 0, "a | b"),
        ("table_row", 0, "a: c; b: d"),
        ("note", 0, "Note."),
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("one\ntwo", "one two"),
        ("one  \r\ntwo", "one two"),
        ("**b** *i* ~~s~~ `c`", "b i s c"),
        ("a &amp; b &#x41; \\_ c", "a & b A _ c"),
        ("<div>\nx &lt; <b>y</b>\n<!-- no -->\nz\n</div>", "x < y z"),
        ("<div><script>alert(1)</script>said</div>", "said"),
        ("[text](http://x.y) ![alt](z.png)", "text alt"),
        ("a<br>b", "a b"),
        ("𝒜 &amp; e\u0301", "𝒜 & e\u0301"),
    ],
)
def test_reads_text_as_it_is_meant(source: str, text: str) -> None:
    block = only(source)
    assert " ".join(block.text.split()) == text
    for piece in block.pieces:
        if len(piece.text) == piece.end - piece.start:
            assert piece.text.replace(" ", "") == "".join(source[piece.start : piece.end].split())


def test_keeps_an_entity_whole() -> None:
    source = "a &amp; b"
    assert [source[piece.start : piece.end] for piece in only(source).pieces] == ["a ", "&amp;", " b"]


def test_makes_one_piece_of_lines_that_follow_each_other() -> None:
    assert len(only("one\ntwo\nthree").pieces) == 1


@pytest.mark.parametrize(
    ("source", "found", "text"),
    [
        ("x<sup>5</sup> y", [("5", "5")], "x y"),
        ("x<sup>5, 6,7</sup>", [("5", "5"), ("6", "6"), ("7", "7")], "x"),
        ("x[^note] y", [("note", "[^note]")], "x y"),
        ("the 21<sup>st</sup> day", [], "the 21st day"),
        ("x<sup>*</sup>", [("*", "*")], "x"),
        ("a &lt;sup>3</sup> b", [("3", "3")], "a  b"),
        ("a <sup>&</sup>lt;sup>13</sup> b", [("13", "13")], "a  b"),
        ("a &lt;sup&gt;3&lt;/sup&gt; b", [("3", "3")], "a  b"),
        ("open <sup>5", [], "open 5"),
    ],
)
def test_hands_over_marks(source: str, found: list[tuple[str, str]], text: str) -> None:
    block = only(source + "\n\n[^note]: n" if "[^" in source else source) if "[^" not in source else None
    block = block or read_markdown(source + "\n\n[^note]: n")[0]
    assert marks(block, source) == found
    assert block.text == text


def test_gives_a_note_its_label_and_addresses() -> None:
    note = read_markdown("x[^1]\n\n[^1]: See [here](https://a.b/c_d), <https://e.f>.")[1]
    assert (note.kind, note.label) == ("note", "1")
    assert note.urls == ("https://a.b/c_d",), "what the text does not show"


@pytest.mark.parametrize(
    "source",
    [
        "<div>\n" + "<" * 200_000,
        "](" * 100_000,
        "<sup>" * 50_000,
        "&lt;sup>1</sup> x " * 20_000,
        ">" * 50_000,
    ],
    ids=["open tags", "open links", "open superscripts", "broken marks", "quotes"],
)
def test_bears_nests_and_openings_without_end(source: str) -> None:
    for block in read_markdown(source):
        assert 0 <= block.start <= block.end <= len(source)

"""HTML: exact places, what is text and what is not, tables, notes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.content import Content
from ingest.html import read_html
from ingest.htmltokens import html_tokens

PARTS = [
    "<p>", "</p>", "<b>", "</b>", "<", ">", "&amp;", "&", "&#x41;", "&#0;", "&notin;", "&not", "\r", "\n", "\r\n", "\0",
    "<!--", "-->", "<!", "<script>", "</script>", "<textarea>", "</textarea>", "<title>", "</title>", '"', "=", " a", "x",
    "é", "\U0001f600", "\u200b", "<br/>", "</", "</>", "<?xml ?>", "<![CDATA[", "]]>", "<plaintext>", "<pre>", "</pre>",
    "<table>", "</table>", "<tr>", "<td>", "<td colspan=3>", "<th rowspan=2>", "</td>", "<thead>", "<ul>", "<li>", "</ul>",
    "<sup>", "</sup>", "<a href='#fn1'>", "</a>", "1", "<li id=fn1>", "<nav>", "</nav>", "<header>", "</header>", "<h1>",
    "</h1>", "<div hidden>", "</div>", "<svg>", "</svg>", "<span style='display:none'>", "</span>", "<blockquote>",
]  # fmt: skip


def exact(content: Content) -> None:
    """Assert that pieces are in bounds, in step with the source, and in order but for the heads of tables."""
    for block in content.blocks:
        assert 0 <= block.start <= block.end <= len(content.source)
        last = 0
        for piece in block.pieces:
            assert 0 <= piece.start <= piece.end <= len(content.source)
            if len(piece.text) == piece.end - piece.start and not piece.text.isspace():
                assert content.source[piece.start : piece.end] == piece.text
            if block.kind != "table_row":
                assert piece.start >= last
                last = piece.end


@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_every_piece_stands_where_it_says(source: str) -> None:
    exact(read_html(source))


@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_tokens_follow_each_other(source: str) -> None:
    tokens = list(html_tokens(source))
    assert [token.start for token in tokens] == sorted(token.start for token in tokens)
    for token in tokens:
        assert 0 <= token.start <= token.end <= len(source)
        if token.kind in ("start", "end"):
            assert source[token.start] == "<"
        if token.kind == "reference":
            assert source[token.start] == "&"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30), max_size=6))
def test_text_of_paragraphs_is_read_whole(texts: list[str]) -> None:
    import html

    source = "".join(f"<p>{html.escape(text)}</p>\n" for text in texts)
    wanted = [" ".join(text.split(" ")).strip() for text in texts]
    read = [block.text for block in read_html(source).blocks]
    assert [" ".join(text.split()) for text in read] == [
        " ".join(text.split()) for text in wanted if text.strip()
    ]


def texts(source: str) -> list[tuple[str, str]]:
    content = read_html(source)
    exact(content)
    return [(block.kind, block.text) for block in content.blocks]


def test_entities_stand_for_what_they_were_written_as() -> None:
    content = read_html("<p>A&nbsp;&amp;&#x20;B &lt;b&gt; caf&eacute; &notit; &bogus;</p>")
    assert content.blocks[0].text == "A\xa0& B <b> café ¬it; &bogus;"
    places = {piece.text: content.source[piece.start : piece.end] for piece in content.blocks[0].pieces}
    assert places["é"] == "&eacute;"
    assert places["¬it"] == "&notit"


def test_boilerplate_is_furniture_and_the_title_is_kept() -> None:
    page = """<!doctype html><html><head><title>Tea &amp; trade | Site</title></head><body>
    <header><nav><a href=/>Home</a></nav><h1>Tea</h1><p>By A. Author</p></header>
    <div class="cookie-banner">We use cookies.</div><main><header><h2>Leaf</h2></header><p>Text.</p></main>
    <aside>Related</aside><form><label>Search</label></form><footer>Imprint</footer></body></html>"""
    content = read_html(page)
    assert content.title == "Tea & trade | Site"
    body = [block.text for block in content.blocks if block.kind != "furniture"]
    assert body == ["Tea", "By A. Author", "Leaf", "Text."]
    furniture = [block.text for block in content.blocks if block.kind == "furniture"]
    assert furniture == ["Home", "We use cookies.", "Related", "Search", "Imprint"]


def test_page_that_is_one_form_is_text() -> None:
    assert texts("<form><h1>All</h1><p>In a form.</p></form>") == [
        ("heading", "All"),
        ("paragraph", "In a form."),
    ]
    assert texts("<nav><p>Only this.</p></nav>") == [("paragraph", "Only this.")]


def test_header_without_the_main_heading_is_furniture() -> None:
    assert texts("<header><p>Site</p></header><h1>T</h1>")[0] == ("furniture", "Site")


def test_tags_that_may_be_left_out() -> None:
    assert texts("<p>one<p>two<ul><li>a<ul><li>b</ul><li>c</ul>three") == [
        ("paragraph", "one"),
        ("paragraph", "two"),
        ("list_item", "a"),
        ("list_item", "b"),
        ("list_item", "c"),
        ("paragraph", "three"),
    ]
    assert [block.level for block in read_html("<ul><li>a<ul><li>b</ul></ul>").blocks] == [1, 2]


def test_code_keeps_its_lines() -> None:
    assert texts("<pre><code>def f():\n    return 1</code></pre>") == [("code", "def f():\n    return 1")]


def test_table_rows_say_their_heads() -> None:
    table = """<table><caption>Sales</caption><thead><tr><th>Region<th>2021<th>2022</thead>
    <tr><td>North<td>1<td>2<tr><td rowspan=2>South<td>3<td>4<tr><td>5<td>6</table>"""
    assert texts(table) == [
        ("paragraph", "Sales"),
        ("table_row", "Region | 2021 | 2022"),
        ("table_row", "Region: North; 2021: 1; 2022: 2"),
        ("table_row", "Region: South; 2021: 3; 2022: 4"),
        ("table_row", "Region: South; 2021: 5; 2022: 6"),
    ]


def test_table_spans_head_their_columns() -> None:
    table = "<table><tr><th>Item<th colspan=2>Year<tr><th><th>2021<th>2022<tr><td>Tea<td>1<td>2</table>"
    assert texts(table)[-1] == ("table_row", "Item: Tea; Year 2021: 1; Year 2022: 2")


def test_layout_table_is_text() -> None:
    assert texts("<table><tr><td>side<td><h2>Head</h2><p>Text</table>") == [
        ("paragraph", "side"),
        ("heading", "Head"),
        ("paragraph", "Text"),
    ]


def test_notes_and_marks() -> None:
    page = """<p>Word.<sup><a href="#fn1">1</a></sup> More<sup>2, 3</sup> and the 21<sup>st</sup>.</p>
    <ol><li id="fn1">Source: <a href="https://example.org/a">here</a> <a href="#r1">↩</a></li><li id="note-x">No.</li></ol>"""
    content = read_html(page)
    exact(content)
    first, note, item = content.blocks
    assert first.text == "Word. More and the 21st."
    assert [
        (piece.note, content.source[piece.start : piece.end]) for piece in first.pieces if piece.note
    ] == [
        ("1", "1"),
        ("2", "2"),
        ("3", "3"),
    ]
    assert (note.kind, note.label, note.text, note.urls) == (
        "note",
        "1",
        "Source: here",
        ("https://example.org/a",),
    )
    assert item.kind == "list_item"


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_rows_of_a_wide_span_stay_small(count: int) -> None:
    page = f"<table><tr><th colspan=9999>{'head ' * 20}</tr>" + "<tr><td>1" * count + "</table>"
    assert sum(len(block.text) for block in read_html(page).blocks) < 2 * len(page) + 120 * count

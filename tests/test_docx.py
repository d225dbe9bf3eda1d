"""DOCX: structure, lists, tables, notes, and exact places in the extracted text."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import WORD, make_docx, paragraph
from test_html import exact

from ingest.content import Content, Limits
from ingest.docx import read_docx
from ingest.errors import UnreadableError

STYLES = f"""<w:styles {WORD}>
<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Own"><w:name w:val="Chapter"/><w:basedOn w:val="H1"/></w:style>
<w:style w:styleId="Loop"><w:name w:val="x"/><w:basedOn w:val="Loop"/></w:style>
<w:style w:styleId="Out"><w:name w:val="Part"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
<w:style w:styleId="T"><w:name w:val="Title"/></w:style>
<w:style w:styleId="List"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
</w:styles>"""


def read(body: str, **parts: str) -> Content:
    members = {"word/styles.xml": STYLES, **{f"word/{name}.xml": text for name, text in parts.items()}}
    content = read_docx(make_docx(body, members), "x.docx", Limits())
    exact(content)
    return content


def kinds(content: Content) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, block.text) for block in content.blocks]


def table(*rows: list[str], cell: str = "") -> str:
    return (
        "<w:tbl>"
        + "".join(
            "<w:tr>" + "".join(f"<w:tc>{cell}{paragraph(text)}</w:tc>" for text in row) + "</w:tr>"
            for row in rows
        )
        + "</w:tbl>"
    )


def test_headings_by_style_and_by_outline() -> None:
    body = "".join(
        paragraph(text, style)
        for text, style in [
            ("The title", "T"),
            ("One", "H1"),
            ("Two", "Own"),
            ("Three", "Out"),
            ("Four", "Loop"),
            ("Five", "None"),
        ]
    )
    assert kinds(read(body + paragraph("Six", properties='<w:outlineLvl w:val="2"/>'))) == [
        ("title", 1, "The title"),
        ("heading", 1, "One"),
        ("heading", 1, "Two"),
        ("heading", 2, "Three"),
        ("paragraph", 0, "Four"),
        ("paragraph", 0, "Five"),
        ("heading", 3, "Six"),
    ]


def test_lists_by_style_and_by_number() -> None:
    number = '<w:numPr><w:ilvl w:val="1"/><w:numId w:val="{}"/></w:numPr>'
    body = (
        paragraph("a", "List")
        + paragraph("b", "", number.format(2))
        + paragraph("c", "List", number.format(0))
    )
    assert kinds(read(body)) == [("list_item", 1, "a"), ("list_item", 2, "b"), ("paragraph", 0, "c")]


def test_table_rows_say_their_heads() -> None:
    rows = table(["Region", "2021", "2022"], ["North", "1", "2"], ["South", "3", "4"])
    content = read(rows)
    assert content.source == "Region\t2021\t2022\t\nNorth\t1\t2\t\nSouth\t3\t4\t\n"
    assert [text for _, _, text in kinds(content)] == [
        "Region | 2021 | 2022",
        "Region: North; 2021: 1; 2022: 2",
        "Region: South; 2021: 3; 2022: 4",
    ]


def test_merged_cells_are_said_in_each_row() -> None:
    merge = "<w:tcPr><w:vMerge{}/></w:tcPr>"
    rows = [("Group", ' w:val="restart"', "1"), ("", "", "2")]
    body = (
        "<w:tbl>"
        + "".join(
            f"<w:tr><w:tc>{merge.format(value)}{paragraph(text)}</w:tc><w:tc>{paragraph(figure)}</w:tc></w:tr>"
            for text, value, figure in rows
        )
        + "</w:tbl>"
    )
    assert [text for _, _, text in kinds(read(body))] == ["Group | 1", "Group | 2"]


def test_table_in_a_table_is_layout() -> None:
    inner = table(["Region", "2021"], ["North", "1"])
    body = f"<w:tbl><w:tr><w:tc>{paragraph('side')}</w:tc><w:tc>{inner}{paragraph('after')}</w:tc></w:tr></w:tbl>"
    assert [text for _, _, text in kinds(read(body))] == [
        "side",
        "Region | 2021",
        "Region: North; 2021: 1",
        "after",
    ]


def test_notes_are_numbered_as_they_are_mentioned() -> None:
    body = (
        '<w:p><w:r><w:t>First.</w:t></w:r><w:r><w:footnoteReference w:id="7"/></w:r><w:r><w:t> Second</w:t></w:r>'
        '<w:r><w:footnoteReference w:id="3"/></w:r><w:r><w:endnoteReference w:id="2"/></w:r></w:p>'
    )
    note = '<w:{0} w:id="{1}"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t> {2}</w:t></w:r></w:p></w:{0}>'
    separator = f'<w:footnote w:type="separator" w:id="0">{paragraph("----")}</w:footnote>'
    feet = f"<w:footnotes {WORD}>{separator}{note.format('footnote', 3, 'Three.')}{note.format('footnote', 7, 'Seven.')}"
    ends = f"<w:endnotes {WORD}>{note.format('endnote', 2, 'End.')}</w:endnotes>"
    content = read(body, footnotes=feet + "</w:footnotes>", endnotes=ends)
    text = content.blocks[0]
    assert text.text == "First. Second"
    assert [(piece.note, content.source[piece.start : piece.end]) for piece in text.pieces if piece.note] == [
        ("1", "[1]"), ("2", "[2]"), ("i", "[i]"),
    ]  # fmt: skip
    assert [(block.kind, block.label, block.text.strip()) for block in content.blocks[1:]] == [
        ("note", "2", "Three."),
        ("note", "1", "Seven."),
        ("note", "i", "End."),
    ]


def test_raised_numbers_are_marks_and_ordinals_are_not() -> None:
    raised = '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>{}</w:t></w:r>'
    body = f"<w:p><w:r><w:t>On the 21</w:t></w:r>{raised.format('st')}<w:r><w:t> day</w:t></w:r>{raised.format('4,5')}</w:p>"
    block = read(body).blocks[0]
    assert block.text == "On the 21st day"
    assert [piece.note for piece in block.pieces if piece.note] == ["4", "5"]


def test_deleted_and_hidden_text_is_not_read_and_a_text_box_is_read_once() -> None:
    box = f"<w:txbxContent>{paragraph('Boxed.')}</w:txbxContent>"
    alternate = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    )
    body = (
        "<w:p><w:r><w:t>Kept </w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:ins><w:r><w:t>added</w:t></w:r></w:ins>"
        f"<w:r>{alternate}</w:r><w:r><w:t> end.</w:t></w:r></w:p>"
    )
    assert [text for _, _, text in kinds(read(body))] == ["Kept added end.", "Boxed."]


def test_missing_main_part_is_unreadable() -> None:
    rels = '<Relationships><Relationship Type="x/officeDocument" Target="word/other.xml"/></Relationships>'
    with pytest.raises(UnreadableError, match=r"word/other\.xml"):
        read_docx(make_docx("", {"_rels/.rels": rels}), "x.docx", Limits())


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)


@given(
    st.lists(
        st.one_of(TEXT, st.lists(st.lists(TEXT, min_size=1, max_size=3), min_size=1, max_size=3)), max_size=5
    )
)
def test_every_piece_stands_where_it_says(parts: list[str | list[list[str]]]) -> None:
    body = "".join(
        paragraph(escape(part))
        if isinstance(part, str)
        else table(*[[escape(c) for c in row] for row in part])
        for part in parts
    )
    content = read(body)
    for part in parts:
        for text in [part] if isinstance(part, str) else [cell for row in part for cell in row]:
            assert text in content.source

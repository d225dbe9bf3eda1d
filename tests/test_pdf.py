"""PDF: words and boxes, columns, headings, notes, tables, running heads; and the files of a benchmark."""

from __future__ import annotations

import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import Text, lines, make_pdf, pdf_with, stream
from test_html import exact

from ingest.boxes import Box
from ingest.content import Content, Limits
from ingest.pdf import read_pdf
from ingest.readers import read_document
from ingest.types import Span

PROSE = [
    "The committee met in the spring and agreed on",
    "a plan that nobody had expected to be so large.",
    "It was to be carried out over the next ten years",
    "with the help of every town along the river and",
    "of the farmers, who had asked for it since long.",
    "What it would cost was left open at that meeting.",
]
OTHER = [
    "A second column tells of the harvest of that year",
    "and of the weather, which was kinder than before.",
    "The barns were full before the first of November",
    "and the mills had work until the end of the winter.",
    "Bread was cheap, and the markets were well visited",
    "by people from both of the banks of the broad river.",
]


def read(*pages: list[Text], extra: bytes = b"", size: tuple[int, int] = (612, 792)) -> Content:
    content = read_pdf(make_pdf(pages, extra, size), "x.pdf", Limits())
    exact(content)
    return content


def kinds(content: Content) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in content.blocks]


def test_paragraph_is_joined_and_its_source_keeps_the_lines() -> None:
    content = read(lines(72, 700, PROSE))
    assert content.source == "\n".join(PROSE) + "\n"
    assert kinds(content) == [("paragraph", " ".join(PROSE))]
    assert content.blocks[0].page == 1


def test_boxes_lead_to_the_words() -> None:
    content = read([], [(100, 692, "Some words here")])
    assert content.boxes is not None
    start = content.source.index("words")
    (box,) = content.boxes.of(Span(start, start + 5))
    assert box.page == 2
    assert 100 + 25 < box.x0 < box.x1 < 100 + 70  # behind "Some"
    assert 792 - 692 - 12 < box.y0 < 792 - 692 <= box.y1 < 792 - 692 + 4  # the baseline is 100 from the top
    (line,) = content.boxes.of(Span(start - 5, start + 10))
    assert line.x0 < box.x0 < box.x1 < line.x1
    assert content.boxes.of(Span(0, 0)) == ()


@pytest.mark.parametrize(
    ("turn", "width", "height"), [(0, 612, 792), (90, 792, 612), (180, 612, 792), (270, 792, 612)]
)
def test_boxes_of_a_turned_page_are_where_it_shows_them(turn: int, width: int, height: int) -> None:
    content = read([(100, 692, "Turned")], extra=b"/Rotate %d" % turn)
    assert content.boxes is not None
    (box,) = content.boxes.of(Span(0, 6))
    assert content.boxes.sizes.tolist() == [[10 * width, 10 * height]]
    centre = {0: (115, 97), 90: (695, 115), 180: (497, 695), 270: (97, 497)}[turn]
    assert abs((box.x0 + box.x1) / 2 - centre[0]) < 5
    assert abs((box.y0 + box.y1) / 2 - centre[1]) < 5
    assert content.source == "Turned\n"


def test_two_columns_are_read_one_after_the_other() -> None:
    title: list[Text] = [(72, 740, "A Heading Across the Whole of the Page", 16, "B")]
    content = read(
        title + lines(60, 700, PROSE) + lines(330, 700, OTHER) + lines(60, 600, [PROSE[0] + " " + OTHER[0]])
    )
    assert [text for _, text in kinds(content)] == [
        "A Heading Across the Whole of the Page",
        " ".join(PROSE),
        " ".join(OTHER),
        PROSE[0] + " " + OTHER[0],
    ]


def test_three_columns_whose_lines_are_not_level() -> None:
    columns = [
        [" ".join(line.split()[:5]) for line in part] for part in (PROSE, OTHER, list(reversed(PROSE)))
    ]
    drawn = [text for i, part in enumerate(columns) for text in lines(40 + 190 * i, 700 - 3 * i, part, 9)]
    assert [text for _, text in kinds(read(drawn))] == [" ".join(part) for part in columns]


def test_headings_rank_by_size() -> None:
    page: list[Text] = [
        (72, 740, "The Report", 20, "B"),
        (72, 700, "First Part", 14, "B"),
        (72, 560, "A bold line", 10, "B"),
    ]
    content = read(page + lines(72, 680, PROSE) + lines(72, 540, OTHER))
    assert [(b.level, b.text) for b in content.blocks if b.kind == "heading"] == [
        (1, "The Report"), (2, "First Part"), (3, "A bold line"),
    ]  # fmt: skip


def test_raised_numbers_are_marks_and_small_lines_that_begin_with_one_are_notes() -> None:
    page = lines(72, 700, PROSE)
    page += [(72 + 213.5, 704, "12", 6), (72, 100, "12", 6), (80, 97, "A source that says so.", 8)]
    content = read(page)
    text, note = content.blocks
    assert text.text == " ".join(PROSE)
    assert [(piece.note, content.source[piece.start : piece.end]) for piece in text.pieces if piece.note] == [
        ("12", "12")
    ]
    assert (note.kind, note.label, note.text) == ("note", "12", "A source that says so.")


def test_bullets_are_list_items() -> None:
    content = read(
        [
            *lines(72, 700, PROSE[:2]),
            (72, 660, "\u2022"),
            (84, 660, "one thing"),
            (72, 648, "\u2022"),
            (84, 648, "another"),
        ]
    )
    assert kinds(content)[1:] == [("list_item", "one thing"), ("list_item", "another")]


TABLE: list[Text] = [
    (300, 500, "Three months ended"), (440, 500, "Full year"),
    (310, 488, "2022"), (360, 488, "2021"), (430, 488, "2022"), (480, 488, "2021"),
    (72, 476, "Revenue"), (300, 476, "$"), (312, 476, "1,200"), (362, 476, "900"), (430, 476, "4,100"), (482, 476, "(17)"),
    (72, 464, "Operating costs:"),
    (82, 452, "Wages"), (317, 452, "200"), (362, 452, "150"), (435, 452, "700"), (482, 452, "610"),
    (72, 440, "Income from affiliates related to"),
    (72, 428, "real estate"), (317, 428, "12"), (362, 428, "\u2014"), (440, 428, "15"), (482, 428, "16"),
]  # fmt: skip


def test_table_rows_say_their_heads_and_are_cited_as_rows() -> None:
    content = read(lines(72, 700, PROSE) + TABLE)
    rows = [block for block in content.blocks if block.kind == "table_row"]
    assert [row.text for row in rows][2:] == [
        "Revenue; Three months ended 2022: $ 1,200; Three months ended 2021: 900; Full year 2022: 4,100; Full year 2021: (17)",
        "Operating costs:",
        "Operating costs: Wages; Three months ended 2022: 200; Three months ended 2021: 150; Full year 2022: 700; Full year 2021: 610",
        "Income from affiliates related to real estate; Three months ended 2022: 12; Three months ended 2021: \u2014;"
        " Full year 2022: 15; Full year 2021: 16",
    ]
    assert content.source[rows[2].start : rows[2].end] == "Revenue\t$ 1,200\t900\t4,100\t(17)"


def test_head_that_stands_over_no_column_for_certain_heads_none() -> None:
    table: list[Text] = [
        (280, 500, "Group"), (310, 488, "2022"), (400, 488, "2021"), (480, 488, "2020"),
        (72, 476, "Tea"), (312, 476, "10"), (402, 476, "20"), (482, 476, "30"),
        (72, 464, "Milk"), (312, 464, "11"), (402, 464, "21"), (482, 464, "31"),
    ]  # fmt: skip
    assert read(table).blocks[2].text == "Tea; 2022: 10; 2021: 20; 2020: 30"


def page_of(number: int) -> list[Text]:
    body = lines(72, 700, [f"{line} {number}{number}" for line in PROSE]) + lines(72, 560, OTHER)
    return [(72, 760, "Annual Report of the River Board"), *body, (300, 30, str(number))]


def test_running_heads_and_page_numbers_are_furniture() -> None:
    content = read(*[page_of(number) for number in range(4, 9)])
    counts = Counter(text for kind, text in kinds(content) if kind == "furniture")
    assert counts == {"Annual Report of the River Board": 5, "4": 1, "5": 1, "6": 1, "7": 1, "8": 1}


def test_lines_at_the_edge_that_do_not_repeat_or_count_are_text() -> None:
    pages = [[(72, 760, f"Chapter head {word}"), *lines(72, 700, PROSE), (300, 30, number)]
             for word, number in [("one", "1914"), ("two", "12"), ("three", "77")]]  # fmt: skip
    assert not [text for kind, text in kinds(read(*pages)) if kind == "furniture"]


def test_title_that_also_stands_inside_is_text() -> None:
    pages = [
        [
            (72, 760, "The Statement"),
            *lines(72, 700, PROSE),
            (72, 400, "The Statement"),
            *lines(72, 380, OTHER),
        ]
    ] * 4
    assert not [text for kind, text in kinds(read(*pages)) if kind == "furniture"]


def test_pages_that_only_repeat_are_text() -> None:
    content = read(*[[(72, 760, "The same line on each page")]] * 4)
    assert {kind for kind, _ in kinds(content)} == {"paragraph"}


def test_watermark_is_furniture_and_a_line_up_the_margin_is_kept_apart() -> None:
    drawn = b"BT /F 40 Tf 0.7 0.7 -0.7 0.7 200 300 Tm (DRAFT) Tj ET BT /F 9 Tf 0 1 -1 0 20 100 Tm (Up the margin) Tj ET "
    drawn += b" ".join(
        b"BT /F 10 Tf 72 %d Td (%s) Tj ET" % (700 - 12 * i, t.encode()) for i, t in enumerate(PROSE)
    )
    content = read_pdf(pdf_with([stream(zlib.compress(drawn))]), "x.pdf", Limits())
    exact(content)
    assert kinds(content) == [
        ("paragraph", " ".join(PROSE)),
        ("furniture", "DRAFT"),
        ("paragraph", "Up the margin"),
    ]


@settings(max_examples=40)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(-50, 700),
                st.integers(-50, 850),
                st.text(st.sampled_from("abcXYZ 0123$().,-%"), min_size=1, max_size=30),
                st.sampled_from([0.5, 6.0, 10.0, 10.0, 24.0]),
                st.sampled_from("FB"),
            ),
            max_size=25,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_every_word_is_read_once_and_stands_where_it_says(pages: list[list[Text]]) -> None:
    if not any(text[2].strip() for page in pages for text in page):
        return
    content = read_pdf(make_pdf(pages), "x.pdf", Limits())
    exact(content)
    assert content.boxes is not None
    words = content.boxes.words
    assert (words[1:, 0] >= words[:-1, 1]).all()
    drawn = Counter("".join(text[2] for page in pages for text in page).replace(" ", ""))
    assert not Counter("".join(content.source.split())) - drawn  # nothing is invented or read twice


def test_same_bytes_give_the_same_text() -> None:
    data = make_pdf([lines(72, 700, PROSE) + TABLE])
    assert read_pdf(data, "a", Limits()).blocks == read_pdf(data, "b", Limits()).blocks


def test_boxes_come_through_the_child_process() -> None:
    data = make_pdf([lines(72, 700, PROSE) + TABLE])
    apart, here = read_document(data, "x.pdf"), read_pdf(data, "x.pdf", Limits())
    assert (apart.source, apart.blocks) == (here.source, here.blocks)
    assert apart.boxes is not None
    assert here.boxes is not None
    assert apart.boxes.words.tolist() == here.boxes.words.tolist()
    assert all(isinstance(box, Box) for box in apart.boxes.of(Span(0, 100)))


@pytest.mark.parametrize(
    ("file", "pages", "furniture", "row"),
    [
        (
            "BESTBUY_2024Q2_10Q.pdf", 30, {"Table of Contents": 25},
            "Cash and cash equivalents; July 29, 2023: $ 1,093; January 28, 2023: $ 1,874; July 30, 2022: $ 840",
        ),
        ("JOHNSON_JOHNSON_2022Q4_EARNINGS.pdf", 24, {"Johnson & Johnson and Subsidiaries": 8}, "MedTech"),
        (
            "MGMRESORTS_2022Q4_EARNINGS.pdf", 15, {f"Page {n} of 15": 1 for n in range(1, 16)},
            "Diluted earnings per share; Twelve Months Ended December 31,; 2022: $ 3.49; 2021: $ 2.41",
        ),
    ],
)  # fmt: skip
def test_company_filings(shared: Path, file: str, pages: int, furniture: dict[str, int], row: str) -> None:
    content = read_pdf((shared / "benchmarks" / "financebench" / file).read_bytes(), file, Limits())
    exact(content)
    assert content.boxes is not None
    assert len(content.boxes.sizes) == pages
    found = Counter(block.text for block in content.blocks if block.kind == "furniture")
    assert {text: count for text, count in found.items() if not text.isdigit()} == furniture
    assert any(block.text.startswith(row) for block in content.blocks if block.kind == "table_row")

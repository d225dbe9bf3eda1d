"""The source text as the page shows it: windows, marks, and remarks on what is damaged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_html import get
from page_library import (
    FILES,
    WATER,
    TableAnswerer,
)
from starlette.testclient import TestClient

from index.library import Library
from ingest.types import Edit, Span
from service.answer_view import marked_url
from service.answering import Answerer
from service.app import create_app
from service.settings import Settings
from service.source_view import WINDOW, line_of, merge, view_source


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableAnswerer]:
    made = TableAnswerer(tmp_path_factory.mktemp("page") / "index", list(FILES))
    yield made
    made.library.close()


@pytest.fixture(scope="module")
def client(answerer: TableAnswerer) -> TestClient:
    return TestClient(create_app(answerer, Settings()))


@pytest.fixture
def empty(library: Library) -> TestClient:
    return TestClient(create_app(Answerer(library), Settings()))


def test_the_citation_url_of_the_wire_opens_at_the_mark(library: Library) -> None:
    library.add(WATER.encode(), "water.md")
    client = TestClient(create_app(Answerer(library), Settings()))
    body = client.post("/v1/ask", json={"question": "What is the nitrate limit in the Brook Wells?"}).json()
    assert body["citations"]
    for citation in body["citations"]:
        page = get(client, citation["url"])
        spans = citation["spans"]
        whole = WATER[spans[0]["start_char_index"] : spans[-1]["end_char_index"]]
        assert page.marks["span-1"] == whole.replace("\n", "")
        assert next(mark.get("autofocus", 0) for mark in page.all("mark")) is None


def test_several_spans_are_marked_in_order_and_overlaps_are_one(
    client: TestClient, answerer: TableAnswerer
) -> None:
    page = get(client, f"/documents/{answerer.ids['water.md']}?span=40-60&span=2-12&span=8-20")
    assert page.marks == {"span-1": WATER[2:20], "span-2": WATER[40:60].replace("\n", "")}
    assert "line 1, line 3" in page.text


@pytest.mark.parametrize(
    "query",
    ["span=9-1", "span=5-5", "span=x", "span=-1-4", "start=3", "end=3", "start=a&end=b", "from=-1", "from=x",
     "span=0-999999", "from=999999", "span=1-9999999999999", "&".join(["span=1-2"] * 101)],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused_in_words(
    client: TestClient, answerer: TableAnswerer, query: str
) -> None:
    page = get(client, f"/documents/{answerer.ids['water.md']}?{query}", 422)
    assert "Open the whole document" in page.text


def test_a_document_that_is_not_there(client: TestClient) -> None:
    assert "That document is not here" in get(client, "/documents/nowhere?start=1&end=2", 404).text


def test_a_changed_document_says_so(client: TestClient, answerer: TableAnswerer) -> None:
    url = f"/documents/{answerer.ids['water.md']}?span=2-12&version="
    sha256 = answerer.library.record(answerer.ids["water.md"]).sha256
    assert "has changed since the link was made" in get(client, url + "0" * 12).text
    assert "has changed" not in get(client, url + sha256[:12]).text
    assert "has changed" not in get(client, url + sha256).text


def test_a_large_document_is_shown_by_windows(empty: TestClient, library: Library) -> None:
    source = "".join(f"Line {n} of the long ledger holds an entry.\n\n" for n in range(6_000))
    document_id = library.add(source.encode(), "ledger.txt").document.id
    at = source.index("Line 4123 ")
    page = get(empty, marked_url(document_id, [Span(at, at + 9)]))
    assert page.marks == {"span-1": "Line 4123"}
    assert "line 8,247" in page.text
    assert len(page.html) < 4 * WINDOW
    later = next(link["href"] or "" for link in page.all("a", "open") if "from=" in (link["href"] or ""))
    further = get(empty, later)
    assert "Line 4123 " not in further.text
    assert f"span={at}-{at + 9}" in later
    back = next(
        link["href"] or "" for link in further.all("a", "open") if f"from={at}" in (link["href"] or "")
    )
    assert get(empty, back).marks == {"span-1": "Line 4123"}


@given(
    st.text(alphabet="ab\r\n é\U0001f600", max_size=80),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80))),
)
def test_a_view_shows_every_line_and_marks_just_the_spans(source: str, pairs: list[tuple[int, int]]) -> None:
    spans = [Span(min(pair), max(pair)) for pair in pairs if max(pair) <= len(source)]
    view = view_source(source, spans)
    lines = source.split("\n")
    expected = lines[:-1] if lines[-1] == "" else lines
    assert [line.number for line in view.lines] == list(range(1, len(expected) + 1))
    shown = ["".join(run.text for run in line.runs) for line in view.lines]
    assert shown == [line.removesuffix("\r") for line in expected]
    marked = {at for span in spans for at in range(span.start, span.end)}
    merged = merge(spans)
    assert {at for span in merged for at in range(span.start, span.end)} == marked
    for place, span in zip(view.places, merged, strict=True):
        text = "".join(run.text for line in view.lines for run in line.runs if run.span == place.number)
        assert text.replace("\r", "") == source[span.start : span.end].replace("\n", "").replace("\r", "")
        assert place.line == line_of(source, span.start)


@given(st.text(alphabet="ab\n", max_size=400), st.integers(1, 50), st.data())
def test_windows_follow_each_other_without_gap(source: str, window: int, data: st.DataObject) -> None:
    start: int | None = 0
    shown = ""
    while start is not None:
        view = view_source(source, start=start, window=window)
        assert view.end - view.start <= window + start - view.start
        shown = shown[: view.start] + source[view.start : view.end]
        assert view.later is None or view.later > start
        start = view.later
    assert shown == source
    at = data.draw(st.integers(0, max(0, len(source) - 1)))
    if source:
        assert view_source(source, [Span(at, at + 1)], window=window).places[0].shown


def test_what_is_damaged_is_marked_and_said_in_plain_words(client: TestClient) -> None:
    source = "One two.\nthree One four.\n\nThe end of"
    edits = [
        Edit("join", Span(8, 8), 0, "unused"),
        Edit("mark", Span(9, 18), 0, "words are astray"),
        Edit("drop", Span(24, 34), 0, "a pull-quote"),
    ]
    view = view_source(source, [Span(15, 23)], edits)
    assert view.lines[0].remarks == ("Interrupted here: the sentence goes on at line 1",)
    assert [(run.text, run.span, run.damaged) for run in view.lines[1].runs] == [
        ("three ", 0, True),
        ("One", 1, True),
        (" four", 1, False),
        (".", 0, False),
    ]
    assert view.lines[1].remarks == ("Scrambled here: words are astray",)
    assert not any(line.remarks for line in view.lines[2:])
    again = view_source(source, [Span(0, 8)], edits, [Span(15, 23)]).lines[1]
    assert [(run.text, run.damaged, run.again) for run in again.runs] == [
        ("three ", True, False),
        ("One", True, True),
        (" four", False, True),
        (".", False, False),
    ]
    assert again.remarks == ("Scrambled here: words are astray", "Says the same again as the marked place")
    shown = get(client, "/", q="readings").html
    assert (
        'says</mark><small class="remark">Interrupted here: the sentence goes on at line 19</small>' in shown
    )

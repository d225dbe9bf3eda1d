"""Pages of a PDF as pictures, with the boxes of the cited lines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from page_html import get
from page_library import (
    SURVEY,
    SURVEY_NAME,
    TableAnswerer,
)
from starlette.testclient import TestClient

from index.library import Library
from ingest.boxes import Box, Boxes
from ingest.pageimage import size_of
from ingest.types import Span
from service.answering import Answerer
from service.app import create_app
from service.page_view import view_page
from service.settings import Settings


def test_a_place_that_is_marked_twice_has_one_box() -> None:
    boxes = Boxes(np.array([[0, 4, 1, 100, 200, 140, 210]], np.int32), np.array([[6120, 7920]], np.int32))
    assert view_page(boxes, [Span(0, 4), Span(1, 4)]).boxes == (Box(1, 10, 20, 14, 21),)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableAnswerer]:
    made = TableAnswerer(tmp_path_factory.mktemp("survey") / "index", [SURVEY_NAME])
    yield made
    made.library.close()


@pytest.fixture(scope="module")
def pictured(survey: TableAnswerer) -> TestClient:
    return TestClient(create_app(survey, Settings()))


def test_a_pdf_is_shown_as_its_page_with_the_cited_lines_marked(
    pictured: TestClient, survey: TableAnswerer
) -> None:
    page = get(pictured, "/", q="leaks")
    boxes = survey.library.document(survey.ids[SURVEY_NAME]).boxes
    assert boxes is not None
    cited = survey.answer("leaks").citations[0]
    expected = [box for span in cited.spans for box in boxes.of(Span(span.start, span.end))]
    shown = [[float(rect[name] or "") for name in ("x", "y", "width", "height")] for rect in page.all("rect")]
    assert len(shown) == 2
    assert shown == [
        pytest.approx([box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0], abs=0.06) for box in expected
    ]
    (image,) = page.all("image")
    assert (image["width"], image["height"]) == ("612.0", "792.0")
    response = pictured.get(image["href"] or "")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert size_of(response.content) == (1391, 1800)
    assert "immutable" in response.headers["cache-control"]
    assert "content-security-policy" in response.headers


def test_a_citation_over_two_pages_links_both_and_the_text(
    pictured: TestClient, survey: TableAnswerer
) -> None:
    first = get(pictured, "/", q="leaks", open="2")
    assert "page 1, page 2" in first.text
    links = [link["href"] or "" for link in first.all("a", "open")]
    second = get(pictured, next(link for link in links if link.endswith("page=2")))
    assert len(second.all("rect")) == 1
    assert "page 2 of 2 is shown" in second.text
    text = get(pictured, next(link for link in links if "view=text" in link))
    assert "".join(text.marks.values()) == "".join(
        span.text.replace("\n", "") for span in survey.answer("leaks").citations[1].spans
    )
    assert not text.all("rect")


def test_a_whole_pdf_opens_as_text_and_leads_to_its_pages(
    pictured: TestClient, survey: TableAnswerer
) -> None:
    page = get(pictured, f"/documents/{survey.ids[SURVEY_NAME]}")
    assert "The next survey is due in April" in page.text
    opened = get(pictured, f"/documents/{survey.ids[SURVEY_NAME]}?page=1")
    assert [link["href"] for link in page.all("a", "open")] == [
        f"/documents/{survey.ids[SURVEY_NAME]}?page=1"
    ]
    assert len(opened.all("image")) == 1


def test_more_than_can_be_boxed_is_shown_as_text(
    pictured: TestClient, survey: TableAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/documents/{survey.ids[SURVEY_NAME]}?span=0-30&span=20-60"
    assert get(pictured, address).all("rect")
    monkeypatch.setattr("service.opening.MOST_BOXED", 60)
    assert not get(pictured, address).all("rect")


@pytest.mark.parametrize("query", ["page=0", "page=3", "page=x", "page=1&span=0-99999"])
def test_a_page_that_cannot_be_is_refused_in_words(
    pictured: TestClient, survey: TableAnswerer, query: str
) -> None:
    assert (
        "Open the whole document" in get(pictured, f"/documents/{survey.ids[SURVEY_NAME]}?{query}", 422).text
    )


def test_a_picture_that_there_is_not(pictured: TestClient, survey: TableAnswerer) -> None:
    pages = f"/documents/{survey.ids[SURVEY_NAME]}/pages"
    assert pictured.get(f"{pages}/3.png").status_code == 404
    assert pictured.get(f"{pages}/0.png").status_code == 422
    assert pictured.get("/documents/nowhere/pages/1.png").status_code == 404


def test_a_pdf_whose_bytes_are_not_kept_is_shown_as_text(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.store.KEPT_BYTES", 0)
    document = library.add(SURVEY, SURVEY_NAME).document
    client = TestClient(create_app(Answerer(library), Settings()))
    page = get(client, f"/documents/{document.id}?span=0-9")
    assert page.marks == {"span-1": "The Leak "}
    assert client.get(f"/documents/{document.id}/pages/1.png").status_code == 404


def test_a_picture_is_drawn_once(
    survey: TableAnswerer, pictured: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/documents/{survey.ids[SURVEY_NAME]}/pages/2.png"
    first = pictured.get(address).content
    monkeypatch.setattr("service.page_images.draw_apart", None)
    assert pictured.get(address).content == first

"""Answers by their permanent link, what people say of them, and the keys that open the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_html import get
from page_library import (
    FILES,
    WATER,
    TableAnswerer,
    answer_id,
)
from starlette.testclient import TestClient

from service.app import create_app
from service.ledger import Ledger
from service.settings import Settings


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableAnswerer]:
    made = TableAnswerer(tmp_path_factory.mktemp("page") / "index", list(FILES))
    yield made
    made.library.close()


@pytest.fixture(scope="module")
def client(answerer: TableAnswerer) -> TestClient:
    return TestClient(create_app(answerer, Settings()))


@pytest.fixture
def remembering(tmp_path: Path) -> Iterator[tuple[TestClient, TableAnswerer, Ledger]]:
    answerer = TableAnswerer(tmp_path / "index", ["water.md"])
    ledger = Ledger.open(tmp_path)
    yield TestClient(create_app(answerer, Settings(), ledger)), answerer, ledger
    ledger.close()
    answerer.library.close()


Remembering = tuple[TestClient, TableAnswerer, Ledger]
KEPT = f"/answers/{answer_id('nitrate')}"


def test_a_permanent_link_shows_the_answer_as_it_was_given(remembering: Remembering) -> None:
    client, answerer, _ = remembering
    asked = get(client, "/", q="nitrate")
    assert KEPT in [link["href"] for link in asked.all("a")]
    answerer.answer = None  # type: ignore[method-assign, assignment]  # it is not asked again
    page = get(client, KEPT, open="2")
    assert page.marks["span-1"].startswith("The cause is known")
    assert "Every quote still stands in its source. Ask again." in page.text
    assert "very likely right" in page.text
    assert [link["href"] for link in page.all("a", "place open")] == [
        link["href"] for link in asked.all("a", "place open")
    ]


def test_a_refusal_has_a_permanent_link_too(remembering: Remembering) -> None:
    client, *_ = remembering
    get(client, "/", q="mayor")
    assert "The documents do not say." in get(client, f"/answers/{answer_id('mayor')}").text


def test_a_permanent_link_says_what_changed_since(remembering: Remembering) -> None:
    client, answerer, _ = remembering
    library = answerer.library
    library.remove(answerer.ids["water.md"])
    old = library.add(WATER.encode(), "water.md", origin="water").document
    answerer.ids["water.md"] = old.id
    get(client, "/", q="nitrate")
    library.add(WATER.replace("cause is known", "cause is clear").encode(), "water.md", origin="water")
    page = get(client, KEPT)
    assert "A document has changed since" in page.text
    assert page.text.count("the quoted words still stand at this place") == 2
    assert page.text.count("the quoted words no longer stand at this place") == 1
    library.remove(old.id)
    assert "It quotes a document that was removed since." in get(client, KEPT, 410).text


def test_an_answer_that_is_not_kept(remembering: Remembering, client: TestClient) -> None:
    for each in (remembering[0], client):
        assert "answers are kept for a while" in get(each, "/answers/0123", 404).text
    assert "Permanent link" not in get(client, "/", q="nitrate").text


def test_what_people_say_of_an_answer_is_kept(remembering: Remembering) -> None:
    client, _, ledger = remembering
    get(client, "/", q="nitrate")
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    for form in ({"helpful": "yes"}, {"helpful": "no", "reason": " wrong year\n"}):
        response = client.post(f"{KEPT}/feedback", data=form, headers=own, follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (303, f"{KEPT}?said={form['helpful']}")
        assert "Thank you." in get(client, response.headers["location"]).text
    said = [(each.helpful, each.reason, each.origin, kept.question) for each, kept in ledger.feedback()]
    assert said == [(True, "", "page", "nitrate"), (False, "wrong year", "page", "nitrate")]


@pytest.mark.parametrize(
    "headers",
    [{"origin": "null"}, {"origin": "http://evil.example"}, {"origin": "http://testserver:81"},
     {"sec-fetch-site": "cross-site"}],
)  # fmt: skip
def test_a_form_of_another_site_says_nothing(remembering: Remembering, headers: dict[str, str]) -> None:
    client, _, ledger = remembering
    get(client, "/", q="nitrate")
    assert client.post(f"{KEPT}/feedback", data={"helpful": "yes"}, headers=headers).status_code == 403
    assert ledger.feedback() == []


@pytest.mark.parametrize("form", [{}, {"helpful": "maybe"}, {"helpful": "no", "reason": "x" * 2001}])
def test_feedback_that_is_none_is_refused_in_words(remembering: Remembering, form: dict[str, str]) -> None:
    client, _, ledger = remembering
    get(client, "/", q="nitrate")
    assert client.post(f"{KEPT}/feedback", data=form).status_code == 422
    assert client.post("/answers/none/feedback", data={"helpful": "yes"}).status_code == 404
    assert ledger.feedback() == []


def test_with_keys_the_page_asks_to_sign_in_and_to_sign_out(
    remembering: Remembering, client: TestClient
) -> None:
    assert "Sign out" not in get(client, "/").text
    client, _, ledger = remembering
    _, token = ledger.add_key("Ann", "read")
    asked = client.get("/?q=nitrate", headers={"accept": "text/html"})
    assert asked.url.path == "/login"
    client.post("/login", data={"key": token, "to": "/"})
    page = get(client, "/")
    assert "Sign out" in page.text
    client.post("/logout")
    assert client.get("/", headers={"accept": "*/*"}).status_code == 401

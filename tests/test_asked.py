"""What a question asks for and names, and what of it was not found."""

from __future__ import annotations

import pytest

from index.library import Library
from index.reader import Reader
from service.answering import Answerer
from service.asked import asked_kind, holds, not_named, parts_missing
from service.messages import missing
from service.refusal import Refusal
from service.wire import ask_body
from service.wire_reading import read_answer


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many people work there?", "number"),
        ("¿Cuántas personas trabajan allí?", "number"),
        ("In which year was it built?", "date"),
        ("When was it built", "date"),
        ("Who built it?", "name"),
        ("¿Dónde está?", "name"),
        ("Why was it built?", None),
    ],
)
def test_what_a_question_asks_for(question: str, kind: str | None) -> None:
    assert asked_kind(question) == kind


def test_what_a_text_holds() -> None:
    assert holds("It took four weeks.", "number")
    assert not holds("It took long.", "number")
    assert holds("It opened in 1931.", "date")
    assert not holds("It opened early.", "date")
    assert holds("The mayor, Ilse Marrow, opened it.", "name")
    assert not holds("The mayor opened it.", "name")


@pytest.mark.parametrize(
    ("question", "cited", "parts"),
    [
        (
            "Who built the bridge, and when did it open?",
            "The mayor, Ilse Marrow, built it.",
            ("when did it open",),
        ),
        ("Who built the bridge, and when did it open?", "In 1931 the mayor, Ilse Marrow, built it.", ()),
        ("How did trade change from 1994 to 2010?", "It doubled after 1994.", ("2010",)),
        ("How did trade change from 1994 to 2010?", "It doubled from 1994 to 2010.", ()),
        ("When did it open?", "It opened early.", ()),
        ("What do cats and dogs eat?", "They eat meat.", ()),
    ],
)
def test_parts_of_a_question_that_nothing_cited_answers(
    question: str, cited: str, parts: tuple[str, ...]
) -> None:
    assert parts_missing(question, [cited]) == parts


def test_names_and_numbers_that_are_nowhere() -> None:
    texts = ["The bridges at Vell were closed in 2011."]
    assert not_named("Why was the Vell bridge closed in 2019 by Ilse Marrow?", texts) == (
        "2019",
        "Ilse Marrow",
    )
    assert not_named("Why was the bridge closed?", texts) == ()


def test_an_answer_to_one_of_two_parts_is_partial_and_says_what_is_missing(library: Library) -> None:
    library.add(b"The badge of the office was drawn by the artist, Ilse Marrow.", "badge.txt")
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0), reader=Reader.open())
    answer = answerer.answer("Who drew the badge of the office, and when was it made?")
    assert (answer.status, answer.missing) == ("partial", ("when was it made",))
    assert answer.citations
    assert missing(answer) == "Not found: \u201cwhen was it made\u201d."
    body = ask_body(answer)
    assert body["missing"] == ["when was it made"]
    assert read_answer(body).missing == answer.missing


def test_a_refusal_says_which_name_is_nowhere(library: Library) -> None:
    library.add(b"The badge opens the door of the office.", "badge.txt")
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=1.0), reader=Reader.open())
    answer = answerer.answer("When did the office in Tarsk open?")
    assert (answer.status, answer.missing, answer.citations) == ("not_in_document", ("Tarsk",), ())
    assert missing(answer) == "No place near the question mentions \u201cTarsk\u201d."

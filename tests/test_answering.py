"""Answers: the documents' own words, each at its exact place, or none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_chunking import documents as generated

from index.errors import UnknownDocumentError
from index.library import Library
from ingest.readers import NoTextError
from ingest.reading import Reading
from service.answering import Answerer
from service.bootstrap import make_answerer
from service.questions import QuestionError, clean_question
from service.refusal import Refusal
from service.types import Answer, Quote
from service.wire import ask_body

ALWAYS = Refusal(0.0, {}, threshold=0.0)
NEVER = Refusal(0.0, {}, threshold=1.1)
GUIDE = "# Guide\r\n\r\nThe **badge** opens the door. 𝒳 marks the &amp; spot.\r\n\r\n## Hours\r\n\r\nThe office opens at nine."


def quotes_of(answer: Answer) -> list[tuple[str, Quote]]:
    cited = [(citation.document_id, quote) for citation in answer.citations for quote in citation.spans]
    return cited + [(passage.document_id, quote) for passage in answer.passages for quote in passage.spans]


def check_exactness(library: Library, answer: Answer) -> None:
    for document_id, quote in quotes_of(answer):
        assert library.document(document_id).source[quote.start : quote.end] == quote.text
    for citation in answer.citations:
        assert answer.answer is not None
        assert answer.answer[citation.answer_start : citation.answer_end] == citation.cited_text
        assert answer.answer[citation.answer_end :].startswith(f" [{citation.number}]")


def test_an_answer_quotes_its_source(library: Library) -> None:
    library.add(GUIDE.encode(), "guide.md")
    answer = Answerer(library, refusal=ALWAYS).answer("What does the badge open?")
    check_exactness(library, answer)
    (citation, *_) = answer.citations
    assert citation.cited_text.startswith("The badge opens the door.")
    assert citation.spans[0].text.startswith("The **badge** opens")
    assert (citation.line, citation.section_path, citation.source_quality) == (3, ("Guide",), "intact")
    assert citation.document_title == "Guide"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=40,
    deadline=None,
)
@given(
    texts=st.lists(generated, min_size=1, max_size=3),
    question=st.sampled_from(["alpha beta", "bold 1999", "𝒳𝒴 été"]),
)
def test_every_span_equals_the_source(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], question: str
) -> None:
    from tiny import TinyEmbedder

    library = Library.create(tmp_path_factory.mktemp("index"), TinyEmbedder())
    for number, text in enumerate(texts):
        try:
            library.add(text.encode(), f"{number}.md", publishing=False)
        except NoTextError:
            continue
    library.refresh()
    answer = Answerer(library, refusal=ALWAYS).answer(question, top_k=20, max_citations=20)
    assert bool(answer.citations) == bool(library.documents())
    check_exactness(library, answer)
    library.close()


def test_a_refusal_shows_the_nearest_places(library: Library) -> None:
    library.add(GUIDE.encode(), "guide.md")
    answer = Answerer(library, refusal=NEVER).answer("Who discovered radium?")
    assert (answer.status, answer.answer, answer.citations) == ("not_in_document", None, ())
    assert answer.passages
    check_exactness(library, answer)


def test_an_empty_index_does_not_say(library: Library) -> None:
    answer = Answerer(library).answer("Anything?")
    assert (answer.status, answer.confidence, answer.passages) == ("not_in_document", 0.0, ())


def test_the_same_question_has_one_answer(library: Library) -> None:
    library.add(GUIDE.encode(), "guide.md")
    answerer = Answerer(library, refusal=ALWAYS)
    first, second = (answerer.answer(q) for q in ("When does it open?", "  When does it\u200b open? "))
    assert replace(first, timings_ms=second.timings_ms) == second
    library.add(b"Something else.", "else.txt")
    assert answerer.answer("When does it open?").answer_id != first.answer_id


def test_limits_are_kept(library: Library) -> None:
    for number in range(6):
        library.add(f"Report {number}. The badge opens door {number}.".encode(), f"{number}.txt")
    answerer = Answerer(library, refusal=ALWAYS)
    answer = answerer.answer("Which door does the badge open?", top_k=2, max_citations=1)
    assert (len(answer.passages), len(answer.citations)) == (2, 1)
    assert [passage.rank for passage in answer.passages] == [1, 2]


def test_a_filter_is_obeyed_and_checked(library: Library) -> None:
    kept = library.add(b"The badge opens the door.", "a.txt").document
    library.add(b"The badge is blue.", "b.txt")
    answerer = Answerer(library, refusal=ALWAYS)
    answer = answerer.answer("Which badge?", document_ids=[kept.id])
    assert {passage.document_id for passage in answer.passages} == {kept.id}
    with pytest.raises(UnknownDocumentError, match="nowhere"):
        answerer.answer("Which badge?", document_ids=["nowhere"])


def test_a_removed_document_is_cited_no_more(library: Library) -> None:
    document = library.add(GUIDE.encode(), "guide.md").document
    answerer = Answerer(library, refusal=ALWAYS)
    library.remove(document.id)
    assert answerer.answer("badge").passages == ()


def test_timings_add_up(library: Library) -> None:
    library.add(GUIDE.encode(), "guide.md")
    timings = Answerer(library).answer("badge").timings_ms
    assert timings.total == pytest.approx(timings.embed + timings.search + timings.answer)


def test_rows_1_2_and_4_questions_that_cannot_be_asked() -> None:
    for text, reason in [
        ("", "empty"),
        (" \u200b\t", "empty"),
        ("x" * 2001, "2001 characters"),
        ("a\ud800", "surrogate"),
    ]:
        with pytest.raises(QuestionError, match=reason):
            clean_question(text)


def test_row_4_invisible_characters_are_left_out() -> None:
    assert clean_question("wh\u200bat\x00 is\u202e  this\u2066?") == "what is this?"


@given(st.text(max_size=100))
def test_cleaning_is_stable(text: str) -> None:
    try:
        cleaned = clean_question(text)
    except QuestionError:
        return
    assert clean_question(cleaned) == cleaned


def test_the_paper_is_cited_exactly(paper: bytes, tmp_path: Path) -> None:
    from index.embedding import open_embedder

    library = Library.create(tmp_path / "index", open_embedder())
    library.add(paper, "paper.txt")
    answerer = make_answerer(library)
    for question, words in [
        ("What did Mexico do after Hurricane Katrina?", "dispatched military personnel"),
        ("Since when have the United States and Canada been integrated in NORAD?", "1958"),
        ("What did Octavio Paz say about Mexicans and Americans?", "Octavio Paz"),
        ("What is the Merida Initiative aimed at?", "Merida Initiative"),
        ("Which country is the second largest customer of the United States?", "second largest customer"),
    ]:
        answer = answerer.answer(question)
        check_exactness(library, answer)
        assert answer.answer is not None, question
        assert words in answer.answer, question
        assert ask_body(answer)["citations"][0]["url"].startswith("/documents/")
    far = answerer.answer("How do I bake sourdough bread?")
    assert far.status == "not_in_document"
    library.close()


def test_a_citation_brings_its_footnotes_and_where_it_is_repeated(library: Library) -> None:
    text = (
        "# River\n\nThe river is fed by three springs.[^1] It never freezes in winter, which draws\n\n"
        "It never freezes in winter, which draws herons from the north.\n\n"
        "herons from the north.\n\n[^1]: Survey of 1911, https://example.org/survey."
    )
    document = library.add(text.encode(), "river.md").document
    answerer = Answerer(library, refusal=ALWAYS)
    (note,) = answerer.answer("What feeds the river? springs", max_citations=1).citations[0].footnotes
    assert (note.label, note.urls) == ("1", ("https://example.org/survey",))
    answer = answerer.answer("Which birds come since it never freezes? herons", max_citations=1)
    check_exactness(library, answer)
    (citation,) = answer.citations
    assert "It never freezes in winter, which draws herons from the north." in citation.cited_text
    assert (citation.source_quality, len(citation.spans)) == ("joined", 2)
    (repeat,) = citation.also_at
    source = library.document(document.id).source
    assert (
        source[repeat.start : repeat.end] == "It never freezes in winter, which draws herons from the north."
    )


def test_a_cited_note_brings_the_sentence_that_calls_it(library: Library) -> None:
    library.add(
        b"# Wells\n\nNitrate has doubled since 1990.[^1] Nobody knows why.\n\n[^1]: Hydrological yearbook, volume 12.",
        "wells.md",
    )
    answer = Answerer(library, refusal=ALWAYS).answer("hydrological yearbook volume", max_citations=1)
    check_exactness(library, answer)
    texts = [citation.cited_text for citation in answer.citations]
    assert texts == ["Hydrological yearbook, volume 12.", "Nitrate has doubled since 1990."]
    assert answer.citations[1].footnotes[0].label == "1"


def test_a_sound_place_is_cited_rather_than_a_damaged_one(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(b"The ferry leaves at noon from the old pier.", "a.txt")
    library.add(b"The ferry leaves at noon from the old pier. It is yellow and it is slow.", "b.txt")
    damaged = library.documents()[0].id
    plain = Reading.quality

    def quality(self: Reading, start: int, end: int) -> str:
        return "suspect" if self.text.endswith("pier.") else plain(self, start, end)

    answerer = Answerer(library, refusal=ALWAYS)
    assert answerer.answer("When does the ferry leave?", max_citations=1).citations[0].document_id == damaged
    monkeypatch.setattr(Reading, "quality", quality)
    answer = answerer.answer("When does the ferry leave?", max_citations=1)
    check_exactness(library, answer)
    assert answer.citations[0].document_id != damaged
    assert answer.citations[0].source_quality == "intact"

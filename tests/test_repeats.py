"""A text that stands in many places is one source."""

from __future__ import annotations

import pytest

from index.library import Library
from service.answering import Answerer
from service.refusal import Refusal

NOTE = "The spare key of the boiler room is kept with the porter in building {}, who hands it out against a signature."
BOILER = b"# Boiler\n\nThe boiler is serviced every March by Holm and Sons."


@pytest.fixture
def answerer(library: Library) -> Answerer:
    text = "# Keys\n\n" + "\n\n".join(NOTE.format(i) for i in range(1000))
    library.add(text.encode(), "keys.md", publishing=False)
    library.add(BOILER, "boiler.md", publishing=False)
    library.refresh()
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


def test_row_33_near_duplicates_are_one_source(answerer: Answerer, library: Library) -> None:
    answer = answerer.answer("Who keeps the spare key of the boiler room?", max_citations=3)
    keys = [citation for citation in answer.citations if citation.document_title == "Keys"]
    assert len(keys) == 1
    assert len(keys[0].also_at) > 20
    source = library.document(keys[0].document_id).source
    own = {(quote.start, quote.end) for quote in keys[0].spans}
    for span in keys[0].also_at:
        assert source[span.start : span.end].startswith("The spare key of the boiler room is kept")
        assert (span.start, span.end) not in own


def test_row_33_other_documents_still_answer(answerer: Answerer) -> None:
    answer = answerer.answer("Who services the boiler every March?")
    assert answer.citations[0].document_title == "Boiler"
    assert "Holm and Sons" in answer.citations[0].cited_text
    assert not answer.citations[0].also_at


def test_sentences_that_differ_in_what_they_say_are_two_sources(library: Library) -> None:
    library.add(b"The north door closes at nine.\n\nThe south gate opens at seven.", "doors.md")
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))
    answer = answerer.answer("When does the north door close and the south gate open?")
    assert all(not citation.also_at for citation in answer.citations)

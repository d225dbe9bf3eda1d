"""Bodies back to answers."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from page_library import SURVEY_NAME, TableAnswerer

from service.wire import ask_body
from service.wire_reading import read_answer


@pytest.mark.parametrize("question", ["nitrate", "readings", "weeks", "filter", "leak", "mayor"])
def test_an_answer_comes_back_as_it_was_sent(tmp_path: Path, question: str) -> None:
    answerer = TableAnswerer(tmp_path / "index", ["water.md", SURVEY_NAME])
    body = orjson.loads(orjson.dumps(ask_body(answerer.answer(question))))
    assert ask_body(read_answer(body)) == body
    answerer.library.close()

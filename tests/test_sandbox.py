"""The child process: what it may do, and what the parent believes."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_pdf, pdf_with, stream
from test_hostile_files import SMALL, deflated

from ingest.content import Content, Limits
from ingest.errors import EncryptedError, TooManyPagesError, UnreadableError
from ingest.readers import read_document
from ingest.sandbox import _pack, _unpack, read_apart
from ingest.types import Block, Piece

BLOCK = Block(
    "note",
    0,
    5,
    (Piece("ab", 0, 2), Piece("", 2, 3, note="1"), Piece("&", 3, 5, "repaired")),
    2,
    3,
    "1",
    ("x",),
)


def test_answer_comes_back_as_it_was_given() -> None:
    content = Content("ab1&;", (BLOCK,), "Title")
    assert _unpack(_pack(content), "x") == content


def test_errors_come_back_as_they_were_raised() -> None:
    answer = orjson.dumps({"error": "encrypted", "message": "locked"})
    with pytest.raises(EncryptedError, match="locked"):
        _unpack(answer, "x")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["title", "source", "blocks", "boxes", "error"]))
def test_malformed_answers_are_refused(value: object, field: str) -> None:
    fields = {"title": "", "source": "abc", "blocks": [], "boxes": None, field: value}
    try:
        content = _unpack(orjson.dumps(fields), "x")
    except UnreadableError:
        return
    for block in content.blocks:
        assert 0 <= block.start <= block.end <= len(content.source)


@pytest.mark.parametrize("piece", [(0, 9, "intact", None, None), (2, 1, "intact", None, None), (0, 2, "fine", None, None),
                                   (0, 2, "intact", "no", None), (0, 2, "intact", None, 7)])  # fmt: skip
def test_pieces_that_are_not_of_the_source_are_refused(piece: tuple[object, ...]) -> None:
    block = ("paragraph", 0, 3, 0, None, None, [], [piece])
    with pytest.raises(UnreadableError, match="malformed"):
        _unpack(orjson.dumps({"title": "", "source": "abc", "blocks": [block], "boxes": None}), "x")


def test_child_that_crashes_is_an_unreadable_file(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UnreadableError, match="made the toast reader fail"):
        read_apart("toast", b"", "x", Limits())
    assert "no such parser" in caplog.text
    assert "Traceback" not in caplog.records[0].message.split(":")[0]


def test_what_is_made_as_the_bombs_are_is_read_when_it_is_small() -> None:
    drawn = b"BT /F 9 Tf 9 9 Td (bomb) Tj ET " * (1 << 15)
    document = read_document(pdf_with([stream(deflated(len(drawn), drawn))]), "small.pdf", SMALL)
    assert "bomb" in document.source


def test_child_is_told_the_limits() -> None:
    data = make_pdf([[(72, 700 - page, f"Page {page} of words")] for page in range(3)])
    assert "Page 2" in read_document(data, "x.pdf", Limits(pages=3)).source
    with pytest.raises(TooManyPagesError, match="3 pages, the limit is 2"):
        read_document(data, "x.pdf", Limits(pages=2))

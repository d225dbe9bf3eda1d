"""Boxes of words: compact, exact, one for each line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.boxes import Box, Boxes
from ingest.types import Span

WORDS = np.array(
    [[0, 4, 1, 100, 200, 140, 210], [5, 9, 1, 150, 200, 190, 210], [10, 14, 1, 100, 220, 140, 230], [16, 20, 2, 100, 0, 140, 10]],
    np.int32,
)  # fmt: skip
BOXES = Boxes(WORDS, np.array([[6120, 7920], [6120, 7920]], np.int32))


def test_span_gets_a_box_a_line() -> None:
    assert BOXES.of(Span(0, 14)) == (Box(1, 10, 20, 19, 21), Box(1, 10, 22, 14, 23))
    assert BOXES.of(Span(12, 20)) == (Box(1, 12, 22, 14, 23), Box(2, 10, 0, 14, 1))
    assert BOXES.of(Span(14, 16)) == ()


def test_part_of_a_word_gets_part_of_its_box() -> None:
    assert BOXES.of(Span(1, 2)) == (Box(1, 11, 20, 12, 21),)
    assert BOXES.of(Span(2, 6)) == (Box(1, 12, 20, 16, 21),)


@given(st.lists(st.lists(st.integers(-(2**30), 2**30), min_size=7, max_size=7), max_size=20))
def test_bytes_and_back(rows: list[list[int]]) -> None:
    boxes = Boxes(np.array(rows, np.int32).reshape(-1, 7), BOXES.sizes)
    again = Boxes.from_bytes(boxes.to_bytes())
    assert again.words.tolist() == rows
    assert again.sizes.tolist() == BOXES.sizes.tolist()


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="these are not boxes"):
        Boxes.from_bytes(data)

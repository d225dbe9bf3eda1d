"""What looks the same is found the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.lexical import LexicalIndex, LexicalWriter, terms
from ingest.normalise import searchable


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Caldero\u0301n", "Calderón"),
        ("“don’t” — ‘no’ «so»", '"don\'t" - \'no\' "so"'),
        ("soft\u00adware zero\u200bwidth \u202ebidi\u202c", "software zerowidth bidi"),
        ("ﬁne x² №5", "fine x2 No5"),
        ("plain text", "plain text"),
    ],
)
def test_gives_one_spelling(text: str, found: str) -> None:
    assert searchable(text) == found


@given(st.text())
def test_is_stable(text: str) -> None:
    once = searchable(text)
    assert searchable(once) == once


@pytest.mark.parametrize("written", ["Calderón", "Caldero\u0301n", "CALDERÓN", "Calde\u00adrón", "Calderon"])
@pytest.mark.parametrize("asked", ["Calderon", "Calderón", "caldero\u0301n"])
def test_finds_a_name_however_it_is_written(tmp_path: Path, written: str, asked: str) -> None:
    writer = LexicalWriter(tmp_path / "index")
    for row, text in enumerate([f"President {written} spoke.", "Nobody else did."]):
        writer.add(row, 1, text)
    writer.commit()
    index = LexicalIndex.load(tmp_path / "index")
    rows, _ = index.search(terms(f"What did {asked} say?"), 5)
    assert rows.tolist() == [0]

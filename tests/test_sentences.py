"""Sentences: where they end, and that nothing is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import MAX_SENTENCE, split_sentences


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith met J. K. Lee at 5 p.m. He left.", ["Dr. Smith met J. K. Lee at 5 p.m.", "He left."]),
        ("The U.S. Department of State agreed.", ["The U.S. Department of State agreed."]),
        ("He moved to the U.S. The rest stayed.", ["He moved to the U.S.", "The rest stayed."]),
        ("See Fig. 3 and No. 5 for details.", ["See Fig. 3 and No. 5 for details."]),
        ("“It works.” She smiled.", ["“It works.”", "She smiled."]),
        ("Use it, e.g. here. Done.", ["Use it, e.g. here.", "Done."]),
        ("Version 3.11 is out. Get it", ["Version 3.11 is out.", "Get it"]),
        ("これは文です。次の文です。", ["これは文です。", "次の文です。"]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("   ", []),
        ("", []),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet=st.sampled_from("aB1 .!?…\n\t\"'“”)(。é𝒳\u0301\r"), max_size=300))
def test_every_visible_character_is_in_one_sentence(text: str) -> None:
    spans = list(split_sentences(text))
    assert all(a.end <= b.start for a, b in pairwise(spans))
    inside = {i for span in spans for i in range(span.start, span.end)}
    assert all(i in inside for i, character in enumerate(text) if not character.isspace())
    assert all(text[span.start : span.end] == text[span.start : span.end].strip() for span in spans)


@given(st.integers(1, 5000), st.sampled_from(["a", "ab ", "abc, ", "x; y "]))
def test_no_sentence_is_longer_than_the_limit(repeats: int, unit: str) -> None:
    text = unit * repeats
    parts = sentences(text)
    assert max(map(len, parts)) <= MAX_SENTENCE
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


def test_a_long_sentence_is_cut_where_a_reader_pauses() -> None:
    clause = "word " * 120 + "word; "
    first, *_ = sentences(clause * 3)
    assert first.endswith("word;")

"""The rules that make near misses for the reader's training."""

from __future__ import annotations

import importlib.util
import itertools
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

PATH = Path(__file__).resolve().parents[1] / "tools" / "reader_data.py"
PASSAGE = "Vell lies on the coast. In 1931 the mayor, Ilse Marrow, opened the Harl bridge. It is blue. Trams cross it."
ANSWER = (PASSAGE.index("Ilse"), PASSAGE.index(", opened"))


@pytest.fixture(scope="module")
def data() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reader_data", PATH)
    assert spec is not None
    assert spec.loader is not None
    sys.path.insert(0, str(PATH.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules["reader_data"] = module
    spec.loader.exec_module(module)
    return module


@given(text=st.text(alphabet="aB. \n?!\"')1", max_size=80))
def test_sentences_lose_no_word(data: ModuleType, text: str) -> None:
    ranges = data.split_sentences(text)
    assert all(a < b for a, b in ranges)
    assert all(b <= c for (_, b), (c, _) in itertools.pairwise(ranges))
    kept = "".join(text[a:b] for a, b in ranges)
    assert [c for c in kept if c.isalnum()] == [c for c in text if c.isalnum()]


@pytest.mark.parametrize("seed", range(20))
def test_a_window_holds_its_evidence(data: ModuleType, seed: int) -> None:
    record = data.Record("squad2", "Who opened the Harl bridge?", PASSAGE, True, (ANSWER,), False)
    made = data.window(record, random.Random(seed), sentences=2)
    at = made.labels.index(True)
    start, end = made.answers[at]
    assert made.sentences[at][start:end] == "Ilse Marrow"


def test_without_evidence_the_answer_is_gone(data: ModuleType) -> None:
    record = data.Record("squad2", "Who opened the Harl bridge?", PASSAGE, True, (ANSWER,), False)
    made = data.without_evidence(record, random.Random(0))
    assert not made.answerable
    assert made.sentences
    assert not any("Marrow" in sentence for sentence in made.sentences)


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_number_is_one_the_passage_never_states(data: ModuleType, seed: int) -> None:
    changed = data.change_number("Who opened it in 1931?", PASSAGE, random.Random(seed))
    number = changed.removeprefix("Who opened it in ").removesuffix("?")
    assert number.isdigit()
    assert number not in PASSAGE


def test_what_the_passage_does_not_state_is_not_changed(data: ModuleType) -> None:
    rng = random.Random(0)
    assert data.change_number("Who opened it in 1950?", PASSAGE, rng) is None
    assert data.change_name("Who met Karl in Bern?", PASSAGE, ["Rome"], rng) is None
    assert data.change_name("Did the mayor, Ilse Marrow, come?", PASSAGE, ["Anna Berg"], rng) == (
        "Did the mayor, Anna Berg, come?"
    )

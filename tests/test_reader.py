"""The reader: how passages are laid out for the network, and what the shipped weights can tell apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from index.reader import MODELS, QUESTION_TOKENS, WINDOW_SENTENCES, WINDOW_TOKENS, Reader, ReaderError

BRIDGE = [
    "The Harl bridge was opened in 1931 by the mayor of Orsk.",
    "It carries four lanes of traffic and a tram line.",
    "Painters renew the blue coat every seven years.",
]


class Recorder:
    """A session that scores nothing and keeps what it was asked."""

    def __init__(self) -> None:
        self.inputs: list[dict[str, Any]] = []

    def run(self, _: None, inputs: dict[str, Any]) -> tuple[Any, Any]:
        self.inputs.append(inputs)
        pairs, slots = len(inputs["tokens"]), len(inputs["slots"])
        return np.full(pairs, 0.25), np.full((pairs, slots), 0.5)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = Tokenizer.from_file(str(MODELS / "reader-tokenizer.json"))
    made.no_padding()
    made.no_truncation()
    return made


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.open()


texts = st.lists(st.text(max_size=60) | st.integers(1, 300).map(lambda n: "port " * n), max_size=25)


@given(question=st.text(max_size=300), passages=st.lists(texts, max_size=12))
def test_every_sentence_with_words_is_read_once_and_fits(
    tokenizer: Tokenizer, question: str, passages: list[list[str]]
) -> None:
    recorder = Recorder()
    verdicts = Reader(recorder, tokenizer).read(question, passages)
    assert [len(v.sentences) for v in verdicts] == [len(p) for p in passages]
    read = 0
    for inputs in recorder.inputs:
        tokens, segments = inputs["tokens"], inputs["segments"]
        assert tokens.shape == segments.shape
        assert tokens.shape[1] <= WINDOW_TOKENS
        assert len(inputs["slots"]) <= WINDOW_SENTENCES
        assert ((tokens == 0) <= (segments == 0)).all(), "padding belongs to no segment"
        assert (segments == 1).sum(1).max() <= QUESTION_TOKENS + 3
        read += sum(len(set(row) - {0, 1}) for row in segments.tolist())
    assert read == sum(score > 0 for v in verdicts for score in v.sentences)
    assert all((v.answerable > 0) == any(v.sentences) for v in verdicts)


def test_a_long_passage_is_as_answerable_as_its_best_window(reader: Reader) -> None:
    filler = ["The old mill on the hill has been closed to visitors since the great storm."] * 12
    long = reader.read("When was the Harl bridge opened?", [[*filler, *BRIDGE]])[0]
    short = reader.read("When was the Harl bridge opened?", [filler])[0]
    assert long.answerable > short.answerable
    assert int(np.argmax(long.sentences)) == len(filler)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("When was the Harl bridge opened?", 0),
        ("how many lanes does it have", 1),
        ("What colour is the bridge painted?", 2),
    ],
)
def test_the_sentence_that_answers_scores_best(reader: Reader, question: str, sentence: int) -> None:
    assert int(np.argmax(reader.read(question, [BRIDGE])[0].sentences)) == sentence


@pytest.mark.parametrize(
    ("answered", "missed"),
    [
        ("When was the Harl bridge opened?", "How much did the Harl bridge cost?"),
        ("Who opened the Harl bridge?", "Who designed the Harl bridge?"),
        ("How many lanes does the bridge carry?", "How many people were killed when the bridge was built?"),
    ],
)
def test_a_near_miss_is_less_answerable(reader: Reader, answered: str, missed: str) -> None:
    yes, no = (reader.read(question, [BRIDGE])[0].answerable for question in (answered, missed))
    assert yes > no


def test_verdicts_do_not_depend_on_the_company(reader: Reader) -> None:
    others = [["Sheep graze on the northern slopes."] * 9, ["Rain."], []]
    alone = reader.read("Who opened the Harl bridge?", [BRIDGE])[0]
    among = reader.read("Who opened the Harl bridge?", [others[0], BRIDGE, *others[1:]])[1]
    # int8 activations are scaled by the batch, so a few hundredths are expected
    assert among.answerable == pytest.approx(alone.answerable, abs=0.1)
    assert among.sentences == pytest.approx(alone.sentences, abs=0.1)


@pytest.mark.parametrize("question", ["", " ", "\ud800", "why " * 2000, "¿Cuándo se abrió el puente?"])
def test_odd_questions_are_read(reader: Reader, question: str) -> None:
    verdict = reader.read(question, [[*BRIDGE, "", "\udfff \x00"]])[0]
    assert 0 <= verdict.answerable <= 1
    assert verdict.sentences[3] == 0


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"reader\.onnx is missing"):
        Reader.open(tmp_path)


def test_the_package_stays_small() -> None:
    assert sum(path.stat().st_size for path in MODELS.iterdir()) < 25_000_000


def test_reading_needs_no_torch() -> None:
    Reader.open()  # which converts it where that was not done
    code = "import sys; from index.reader import Reader; Reader.open(); print(sorted({'torch', 'onnx'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=MODELS.parents[1]
    )
    assert done.stdout.strip() == "[]"

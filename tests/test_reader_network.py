"""The reader on the native encoder says what it says on ONNX Runtime."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index import conversion, native
from index.native import NativeUnavailableError
from index.onnx_session import open_session
from index.reader import MODELS, Reader
from index.reader_network import NativeReaderNetwork
from index.reader_weights import native_files
from index.weights import UnsupportedModelError

try:
    native.target()
except NativeUnavailableError as reason:
    pytest.skip(str(reason), allow_module_level=True)

HANDBOOK = Path(__file__).resolve().parent.parent / "documents" / "handbook.md"
QUESTIONS = [
    "How do I remove a document?",
    "Where is the data kept?",
    "Which port does the service listen on?",
    "What does the exit code 4 mean?",
    "Who wrote the handbook, and in which year?",
    "¿Cuánto cuesta?",
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    made = Reader.open()
    assert isinstance(made.network, NativeReaderNetwork)
    return made


@pytest.fixture(scope="module")
def passages() -> list[list[str]]:
    """Passages of one to ten sentences, the last one too long for one window."""
    sentences = re.split(r"(?<=[.!?])\s+", HANDBOOK.read_text("utf-8"))
    made, begin = [], 0
    for count in (1, 2, 3, 4, 5, 6, 10, 40):
        made.append(sentences[begin : begin + count])
        begin += count
    return made


def test_probabilities_are_those_of_onnx_runtime(reader: Reader, passages: list[list[str]]) -> None:
    other = Reader(open_session(MODELS / "reader.onnx"), reader._tokenizer)
    pairs, sentences = [], []
    for question in QUESTIONS:
        for ours, theirs in zip(reader.read(question, passages), other.read(question, passages), strict=True):
            pairs.append(abs(ours.answerable - theirs.answerable))
            sentences += [abs(a - b) for a, b in zip(ours.sentences, theirs.sentences, strict=True)]
    # both are int8, rounded differently: neither is the exact one
    assert np.mean(pairs) <= 0.02
    assert np.mean(sentences) <= 0.02
    assert np.max(pairs) <= 0.15


def test_verdicts_do_not_depend_on_the_company(reader: Reader, passages: list[list[str]]) -> None:
    for question in QUESTIONS:
        together = reader.read(question, passages)
        for verdict, passage in zip(together, passages, strict=True):
            alone = reader.read(question, [passage])[0]
            assert verdict.answerable == pytest.approx(alone.answerable, abs=1e-6)
            assert verdict.sentences == pytest.approx(alone.sentences, abs=1e-6)


def test_padding_and_absent_slots_change_nothing(reader: Reader) -> None:
    tokens = np.array([[101, 2073, 102, 2054, 2003, 3231, 102, 0, 0]])
    segments = np.array([[1, 1, 1, 2, 2, 4, 1, 0, 0]])
    batch: dict[str, Any] = {"tokens": tokens, "segments": segments, "slots": np.arange(2, 7)}
    pairs, sentences = reader.network.run(None, batch)
    bare = {"tokens": tokens[:, :7], "segments": segments[:, :7], "slots": np.arange(2, 5)}
    expected = reader.network.run(None, bare)
    np.testing.assert_array_equal(pairs, expected[0])
    np.testing.assert_array_equal(sentences[:, :3], expected[1])
    assert sentences[0, [1, 3, 4]].tolist() == [0, 0, 0]
    assert sentences[0, [0, 2]].min() > 0


@pytest.mark.parametrize("failure", [OSError("read-only"), UnsupportedModelError("another exporter")])
def test_onnx_runtime_reads_where_the_native_form_is_not_to_be_had(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Path) -> None:
        raise failure

    monkeypatch.setattr("index.reader.prepare_reader", fail)
    with caplog.at_level(logging.WARNING):
        made = Reader.open()
    assert caplog.messages == [f"the reader uses ONNX Runtime, which is slower: {failure}"]
    assert made.read("Where?", [["Here it is."]])[0].answerable > 0


def test_a_setting_leaves_it_to_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCITE_NATIVE", "off")
    assert not isinstance(Reader.open().network, NativeReaderNetwork)


def test_the_reader_is_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCITE_CACHE", str(tmp_path))
    first = conversion.prepare_reader(MODELS / "reader.onnx")
    assert dict(native_files(MODELS / "reader.onnx")) == {
        file: (first.path / file).read_bytes() for file in first.files
    }
    monkeypatch.setattr(conversion, "native_files", None)  # would fail if it were called
    assert conversion.prepare_reader(MODELS / "reader.onnx") == first


def test_a_graph_of_another_exporter_is_named(tmp_path: Path) -> None:
    import onnx

    path = tmp_path / "other.onnx"
    graph = onnx.helper.make_graph([], "empty", [], [])
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    with pytest.raises(UnsupportedModelError, match=r"other\.onnx lacks .*export_reader"):
        list(native_files(path))

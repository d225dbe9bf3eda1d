"""Conversion is done once, gives the same bytes every time, and damage never goes unnoticed."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny_bert import MAX_TOKENS, write_tiny_bert

from index.conversion import cache_folder, converted_files, prepare
from index.onnx_graph import quantise
from index.weights import ModelNotFoundError, UnsupportedModelError, WeightsHashError, resolve_model

_PRINT_HASHES = """
import hashlib, sys
from index.conversion import converted_files
from index.weights import resolve_model
for name, content in converted_files(resolve_model(sys.argv[1])):
    print(name, hashlib.sha256(content).hexdigest())
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PINCITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


def test_two_conversions_give_equal_bytes(folder: Path) -> None:
    first = dict(converted_files(resolve_model(str(folder))))
    assert dict(converted_files(resolve_model(str(folder)))) == first
    run = subprocess.run(
        [sys.executable, "-c", _PRINT_HASHES, str(folder)], capture_output=True, text=True, check=True
    )
    elsewhere = dict(line.split() for line in run.stdout.splitlines())
    assert elsewhere == {name: hashlib.sha256(content).hexdigest() for name, content in first.items()}


def test_conversion_is_done_once(folder: Path, cache: Path) -> None:
    steps: list[tuple[int, int]] = []
    model = prepare(str(folder), lambda done, total: steps.append((done, total)))
    assert steps == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert (model.dimension, model.max_tokens) == (32, MAX_TOKENS)
    assert [path.name for path in (cache / "models").iterdir()] == [f"{model.name}.v3"]  # no scratch is left
    assert prepare(str(folder), lambda done, total: steps.append((done, total))) == model
    assert len(steps) == 5


def test_a_converted_model_needs_no_source(folder: Path) -> None:
    model = prepare(str(folder))
    (folder / "model.safetensors").unlink()
    assert prepare(model.name) == model
    with pytest.raises(ModelNotFoundError):
        prepare(str(folder))


@pytest.mark.parametrize(
    "file",
    ["encoder-int8.onnx", "encoder-fp32.onnx", "encoder-native.bin", "embeddings.bin", "tokenizer.json"],
)
def test_a_damaged_model_is_found_and_made_again(
    folder: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = prepare(str(folder))
    good = (model.path / file).read_bytes()
    (model.path / file).write_bytes(good[:-8] + bytes(8))
    with pytest.raises(WeightsHashError, match=file):
        model.verify()
    with caplog.at_level(logging.WARNING):
        assert prepare(str(folder)) == model
    assert file in caplog.text
    assert (model.path / file).read_bytes() == good


def test_what_the_native_encoder_does_not_read_is_not_looked_at(folder: Path) -> None:
    model = prepare(str(folder))
    (model.path / "encoder-fp32.onnx").write_bytes(b"damaged")
    assert prepare(str(folder), native=True) == model
    assert (model.path / "encoder-fp32.onnx").read_bytes() == b"damaged"
    (model.path / "embeddings.bin").write_bytes(b"damaged")
    assert prepare(str(folder), native=True) == model
    model.verify()  # made again, as a whole


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x"}', "{"])
def test_a_damaged_manifest_is_made_again(folder: Path, content: str) -> None:
    model = prepare(str(folder))
    (model.path / "manifest.json").write_text(content)
    assert prepare(str(folder)) == model
    assert json.loads((model.path / "manifest.json").read_text())["name"] == model.name


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "mpnet"}),
        ("config.json", {"hidden_act": "relu"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("config_sentence_transformers.json", {"prompts": {"query": "query: "}}),
    ],
)
def test_other_kinds_of_models_are_not_converted(
    folder: Path, cache: Path, file: str, change: dict[str, object]
) -> None:
    path = folder / file
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | change))
    with pytest.raises(UnsupportedModelError, match="mean-pooled BERT"):
        prepare(str(folder))
    assert not cache.exists()


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("PINCITE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pincite"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "pincite"


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.floats(-8, 8, width=32)
    )
)
def test_quantised_weights_stay_within_half_a_step_and_seven_bits(matrix: np.ndarray) -> None:
    whole, scale = quantise(matrix)
    assert np.abs(whole.astype(int)).max() <= 64  # 255 * 64 * 2 = 32640 < 2**15
    assert np.all(np.abs(whole * scale - matrix) <= 0.5001 * scale)

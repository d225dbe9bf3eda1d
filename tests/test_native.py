"""The native encoder agrees with the other runtimes, on every kind of processor, whatever the company of a text."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_embedding import TEXTS
from tiny_bert import DIMENSION, MAX_TOKENS, write_tiny_bert

from index import native
from index.conversion import prepare
from index.embedding import NativeEmbedder, OnnxEmbedder, open_embedder
from index.native import TARGETS, NativeUnavailableError, Network, Rows
from index.native_file import Layer, Linear, pack
from tools.embedding_quality import chunking_evaluation, quality

ROOT = Path(__file__).resolve().parent.parent
try:
    RUNNABLE = TARGETS[: native.target() + 1]
except NativeUnavailableError as reason:
    pytest.skip(str(reason), allow_module_level=True)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PINCITE_NATIVE", raising=False)
        patch.setenv("PINCITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def tiny(folder: Path) -> NativeEmbedder:
    return NativeEmbedder(prepare(str(folder)))


@pytest.fixture(scope="module")
def mini() -> NativeEmbedder:
    return NativeEmbedder(prepare("all-MiniLM-L6-v2"))


@pytest.fixture(scope="module")
def exact() -> OnnxEmbedder:
    return OnnxEmbedder(prepare("all-MiniLM-L6-v2"), question_precision="fp32")


def test_vectors_are_near_those_of_fp32(mini: NativeEmbedder, exact: OnnxEmbedder) -> None:
    expected = exact.embed_passages(TEXTS)
    questions = np.stack([mini.embed_question(text) for text in TEXTS])
    for vectors in (mini.embed_passages(TEXTS), questions):
        near = (vectors * expected).sum(axis=1)
        assert near.mean() >= 0.997
        assert near.min() >= 0.985  # the empty text; .9933 seen


def test_tokens_are_near_those_of_fp32(mini: NativeEmbedder, exact: OnnxEmbedder) -> None:
    for ours, theirs in zip(mini.embed_tokens(TEXTS), exact.embed_tokens(TEXTS), strict=True):
        assert ours.spans == theirs.spans
        assert ours.pooled @ theirs.pooled >= 0.985
        assert np.all((ours.rows * theirs.rows).sum(axis=1) >= 0.98)


def test_int8_passages_retrieve_as_well(shared: Path, mini: NativeEmbedder, exact: OnnxEmbedder) -> None:
    pool = chunking_evaluation(shared / "benchmarks")
    ours, theirs = (
        quality(e.embed_passages(pool.questions), e.embed_passages(pool.passages), pool.relevant)
        for e in (mini, exact)
    )
    assert ours[0] >= 0.995 * theirs[0]  # nDCG@10
    assert ours[1] >= 0.995 * theirs[1]  # recall@10


@given(st.lists(st.text(st.characters(), max_size=80), max_size=12))
def test_a_vector_does_not_depend_on_its_company(tiny: NativeEmbedder, texts: list[str]) -> None:
    together = tiny.embed_passages(texts)
    assert together.shape == (len(texts), DIMENSION)
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(row, tiny.embed_passages([text])[0])
        np.testing.assert_array_equal(row, tiny.embed_question(text))


def test_long_texts_do_not_depend_on_their_company(mini: NativeEmbedder) -> None:
    """Long enough for several blocks of rows, and for tiles of every height."""
    texts = [" ".join(["cite the exact place"] * count) for count in (1, 7, 20, 31, 60)]
    together = mini.embed_passages([*TEXTS, *texts])[len(TEXTS) :]
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(row, mini.embed_question(text))


@pytest.mark.parametrize("name", TARGETS)
def test_every_kind_of_processor_gives_the_same(
    name: str, mini: NativeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name not in RUNNABLE:
        pytest.skip(f"this processor does not run {name}")
    monkeypatch.setenv("PINCITE_NATIVE", name)
    other = NativeEmbedder(prepare("all-MiniLM-L6-v2"))
    near = (other.embed_passages(TEXTS) * mini.embed_passages(TEXTS)).sum(axis=1)
    # a sum in another order may fall on the other side of a half, which the layers make as large as int8's own error
    assert np.median(near) >= 0.999
    assert near.min() >= 0.998


@pytest.mark.parametrize("name", RUNNABLE)
@pytest.mark.parametrize("count", [1, 5, 13, 64, 65])
def test_a_layer_is_what_its_formula_says(
    name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINCITE_NATIVE", name)
    random = np.random.default_rng(count)
    layer = _random_layer(random, 64, 128)
    ones, zeros = np.ones(64, np.float32), np.zeros(64, np.float32)
    path = tmp_path / "network.bin"
    path.write_bytes(
        pack(np.zeros((2, 64), np.float32), np.zeros((2, 64), np.float32), (ones, zeros), [layer], 4, 1e-12)
    )
    values = random.normal(size=(count + 3, 64)).astype(np.float32)
    queries, memory = Rows.of(values[:3].copy(), [3]), Rows.of(values[3:], [count])
    expected = _layer(layer, queries.values, memory.values, heads=4)
    Network(path).run(queries, 0, 1, memory)
    assert np.abs(queries.values - expected).max() < 0.1  # rows of unit variance
    assert np.abs(queries.values - expected).mean() < 0.015


def test_odd_sizes_are_refused_before_they_reach_the_kernels(tiny: NativeEmbedder) -> None:
    network = Network(prepare(tiny.name).native)
    words = np.zeros((4, DIMENSION), np.float32)
    with pytest.raises(ValueError, match="4 rows for texts of 5 tokens"):
        Rows.of(words, [2, 3])
    with pytest.raises(ValueError, match="3 segments for 4 tokens"):
        network.embed(Rows.of(words, [4]), np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="60 of at most 48 in a text"):
        network.embed(Rows.of(np.zeros((60, DIMENSION), np.float32), [60]))
    with pytest.raises(ValueError, match="1 texts attend to 2"):
        network.run(Rows.of(words, [4]), 0, 1, Rows.of(words, [2, 2]))
    with pytest.raises(ValueError, match="in layer 3 of 2"):
        network.run(Rows.of(words, [4]), 0, 3)


def test_text_beyond_the_limit_is_not_read(tiny: NativeEmbedder) -> None:
    words = ["answer"] * (MAX_TOKENS - 2)
    first, longer, shorter = tiny.embed_passages(
        [" ".join(words), " ".join([*words, "cite"]), " ".join(words[1:])]
    )
    np.testing.assert_array_equal(first, longer)
    assert not np.allclose(first, shorter, atol=1e-6)


def test_the_native_encoder_comes_first(folder: Path) -> None:
    assert isinstance(open_embedder(str(folder)), NativeEmbedder)
    assert isinstance(open_embedder(prepare(str(folder)).name), NativeEmbedder)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("off", "PINCITE_NATIVE is 'off'"), ("avx1024", "this processor runs portable")],
)
def test_a_setting_leaves_it_to_onnx_runtime(
    folder: Path, setting: str, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PINCITE_NATIVE", setting)
    with caplog.at_level(logging.WARNING):
        embedder = open_embedder(str(folder))
    assert isinstance(embedder, OnnxEmbedder)
    assert "using ONNX Runtime, which is slower" in caplog.text
    assert reason in caplog.text


def test_portable_kernels_are_used_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        """As the library on a processor without AVX2."""

        def encoder_target(self) -> int:
            return 0

    monkeypatch.setattr(native, "_library", Plain)
    with pytest.raises(NativeUnavailableError, match="no fast kernels"):
        native.target()
    monkeypatch.setenv("PINCITE_NATIVE", "portable")
    assert native.target() == 0


def test_a_file_compiled_from_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "VERSION", native.VERSION + 1)
    native._library.cache_clear()
    with pytest.raises(
        NativeUnavailableError, match=f"version {native.VERSION - 1}, expected {native.VERSION}"
    ):
        native.target()


def test_without_the_compiled_file_onnx_runtime_answers(folder: Path, tmp_path: Path) -> None:
    """As where there was no compiler: the package without its extension."""
    for package in ("ingest", "index"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    code = (
        "import logging; logging.basicConfig(format='%(message)s')\n"
        f"from index.embedding import open_embedder; print(type(open_embedder({str(folder)!r})).__name__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=tmp_path,
    )
    assert run.stdout.strip() == "OnnxEmbedder"
    assert "the native encoder was not compiled; with a C++ compiler, install again" in run.stderr


def test_sizes_that_do_not_fit_are_left_to_onnx_runtime(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    narrow = np.zeros((2, 48), np.float32)
    path = tmp_path / "network.bin"
    path.write_bytes(pack(narrow, narrow, (narrow[0], narrow[0]), [_random_layer(random, 48, 96)], 4, 1e-12))
    with pytest.raises(NativeUnavailableError, match="cannot hold the sizes"):
        Network(path)


def test_serving_opens_neither_onnx_runtime_nor_torch(folder: Path) -> None:
    name = prepare(str(folder)).name
    code = (
        "import sys; from index.embedding import open_embedder\n"
        f"embedder = open_embedder({name!r}); embedder.embed_question('x'); embedder.embed_passages(['x'])\n"
        "print(sorted({'torch', 'onnx', 'onnxruntime', 'safetensors'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_it_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    flags = ["-std=c++17", "-O3", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-shared"]
    command = [compiler, *flags, str(ROOT / "index" / "encoder.cpp"), "-o", str(tmp_path / "encoder.so")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def _random_layer(random: np.random.Generator, size: int, inner: int) -> Layer:
    def linear(rows: int, columns: int) -> Linear:
        weight = random.normal(0, rows**-0.5, (rows, columns)).astype(np.float32)
        return Linear.rounded(weight, random.normal(0, 0.1, columns).astype(np.float32))

    def norm() -> tuple[np.ndarray, np.ndarray]:
        return random.normal(1, 0.1, size).astype(np.float32), random.normal(0, 0.1, size).astype(np.float32)

    three = (linear(size, size) for _ in range(3))
    return Layer(*three, linear(size, size), norm(), linear(size, inner), linear(inner, size), norm())


def _layer(layer: Layer, x: np.ndarray, memory: np.ndarray, heads: int) -> np.ndarray:
    """A BERT layer in float64 (Vaswani and others 2017, with the error function's GELU)."""
    from math import erf

    def linear(part: Linear, rows: np.ndarray) -> np.ndarray:
        return rows @ (part.weight * part.scale.astype(float)) + part.bias

    def norm(gains: tuple[np.ndarray, np.ndarray], rows: np.ndarray) -> np.ndarray:
        apart = rows - rows.mean(axis=1, keepdims=True)
        return apart / apart.std(axis=1, keepdims=True) * gains[0] + gains[1]

    def split(rows: np.ndarray) -> np.ndarray:
        return rows.reshape(len(rows), heads, -1).swapaxes(0, 1)

    query, key, value = (
        split(linear(layer.query, x)),
        split(linear(layer.key, memory)),
        split(linear(layer.value, memory)),
    )
    scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[2])
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    mixed = (weights / weights.sum(axis=2, keepdims=True)) @ value
    x = norm(layer.middle, x + linear(layer.output, mixed.swapaxes(0, 1).reshape(x.shape)))
    wide = linear(layer.up, x)
    wide = wide * (1 + np.vectorize(erf)(wide / np.sqrt(2))) / 2
    return norm(layer.last, x + linear(layer.down, wide))

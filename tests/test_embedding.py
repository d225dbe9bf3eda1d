"""The two runtimes give one answer, in the order asked, whatever the text."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_bert import DIMENSION, MAX_TOKENS, write_tiny_bert

from index.conversion import prepare
from index.embedding import (
    NativeEmbedder,
    OnnxEmbedder,
    SentenceTransformerEmbedder,
    open_embedder,
    packed_batches,
)
from index.weights import resolve_model
from tools.embedding_quality import chunking_evaluation, quality

TEXTS = [
    "How do I add a document?",
    "",
    " \n\t ",
    "Ein Zitat nennt die genaue Stelle; émigré naïve façade.",
    "引用 は 正確 な 場所 👩‍🔬 نص",
    "a\u0000b\u202ec \u200b",
    "half a pair: \ud83d.",
    "supercalifragilistic" * 40,
    "The answer is in the document's own words. " * 60,
]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PINCITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def tiny(folder: Path) -> OnnxEmbedder:
    return OnnxEmbedder(prepare(str(folder)))


@pytest.fixture(scope="module")
def mini() -> OnnxEmbedder:
    return OnnxEmbedder(prepare("all-MiniLM-L6-v2"))


@pytest.fixture(scope="module")
def reference() -> SentenceTransformerEmbedder:
    """Takes ten seconds to import: one for the module."""
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    return SentenceTransformerEmbedder(resolve_model("all-MiniLM-L6-v2"))


def test_passages_equal_those_of_sentence_transformers(
    mini: OnnxEmbedder, reference: SentenceTransformerEmbedder
) -> None:
    assert (mini.name, mini.dimension) == (reference.name, reference.dimension)
    ours, theirs = mini.embed_passages(TEXTS), reference.embed_passages(TEXTS)
    assert ours.shape == theirs.shape == (len(TEXTS), 384)
    assert (ours * theirs).sum(axis=1).min() >= 0.9999


def test_questions_are_near_those_of_sentence_transformers(
    mini: OnnxEmbedder, reference: SentenceTransformerEmbedder
) -> None:
    for text in TEXTS:
        assert mini.embed_question(text) @ reference.embed_question(text) >= 0.975  # int8; .9838 seen


def test_tokens_are_near_those_of_sentence_transformers(
    mini: OnnxEmbedder, reference: SentenceTransformerEmbedder
) -> None:
    for ours, theirs in zip(mini.embed_tokens(TEXTS), reference.embed_tokens(TEXTS), strict=True):
        assert ours.spans == theirs.spans
        assert ours.pooled @ theirs.pooled >= 0.975
        assert np.all((ours.rows * theirs.rows).sum(axis=1) >= 0.9)


def test_int8_questions_retrieve_as_well(shared: Path, mini: OnnxEmbedder) -> None:
    pool = chunking_evaluation(shared / "benchmarks")
    passages = mini.embed_passages(pool.passages)
    ours = np.stack([mini.embed_question(question) for question in pool.questions])
    exact = mini.embed_passages(pool.questions)  # fp32, held to sentence-transformers above
    found, expected = (quality(questions, passages, pool.relevant) for questions in (ours, exact))
    assert found[0] >= 0.995 * expected[0]  # nDCG@10
    assert found[1] >= 0.995 * expected[1]  # recall@10


def test_another_model_is_held_to_sentence_transformers_too(
    tiny: OnnxEmbedder, folder: Path, reference: SentenceTransformerEmbedder
) -> None:
    other = SentenceTransformerEmbedder(resolve_model(str(folder)))
    assert (tiny.name, tiny.dimension) == (other.name, other.dimension)
    texts = ["the question", "cite the document " * 20, ""]
    assert (tiny.embed_passages(texts) * other.embed_passages(texts)).sum(axis=1).min() >= 0.9999


def test_what_cannot_be_converted_goes_to_sentence_transformers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, reference: SentenceTransformerEmbedder
) -> None:
    folder = write_tiny_bert(tmp_path / "cls")
    (folder / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}'
    )
    with caplog.at_level(logging.WARNING, logger="index"):
        embedder = open_embedder(str(folder))
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert [record.message for record in caplog.records if record.name == "index.embedding"] == [
        f"using sentence-transformers, which is slower: {embedder.name} is not a mean-pooled BERT without prompts: "
        "{'model_type': 'bert', 'hidden_act': 'gelu', 'position_embedding_type': 'absolute'}, "
        "pooling ['cls_token']."
    ]
    assert np.linalg.norm(embedder.embed_question("cite")) == pytest.approx(1, abs=1e-5)


def test_a_model_saved_by_this_version_keeps_the_fast_runtime(
    tmp_path: Path, folder: Path, tiny: OnnxEmbedder, reference: SentenceTransformerEmbedder
) -> None:
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(folder)).save_pretrained(str(tmp_path / "saved"))
    saved = OnnxEmbedder(prepare(str(tmp_path / "saved")))
    texts = ["the question", "cite the document " * 20]
    np.testing.assert_array_equal(saved.embed_passages(texts), tiny.embed_passages(texts))


def test_quality_counts_ranks_and_hits() -> None:
    questions = np.eye(3, dtype=np.float32)[:2]
    passages = np.array([[0.9, 0, 0], [0.8, 1, 0], [0.7, 0, 0], [0, 0, 1]], np.float32)
    ndcg, recall = quality(questions, passages, [{1, 2}, {3}], k=3)
    first = (1 / np.log2(3) + 1 / np.log2(4)) / (1 / np.log2(2) + 1 / np.log2(3))  # found second and third
    assert ndcg == pytest.approx((first + 0) / 2)
    assert recall == pytest.approx((2 / 2 + 0 / 1) / 2)


def test_the_fast_runtime_comes_first(folder: Path) -> None:
    embedder = open_embedder(str(folder))
    assert isinstance(embedder, NativeEmbedder | OnnxEmbedder)
    assert open_embedder(embedder.name).name == embedder.name


@given(st.lists(st.text(st.characters(), max_size=80), max_size=12))
def test_passages_come_back_in_order_at_unit_length(tiny: OnnxEmbedder, texts: list[str]) -> None:
    together = tiny.embed_passages(texts)
    assert together.shape == (len(texts), DIMENSION)
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_allclose(row, tiny.embed_passages([text])[0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


@given(st.text(st.characters(), max_size=60))
def test_spans_of_tokens_lie_in_the_text(tiny: OnnxEmbedder, text: str) -> None:
    (tokens,) = tiny.embed_tokens([text])
    assert len(tokens.rows) == len(tokens.spans) <= MAX_TOKENS - 2
    assert all(0 <= start < end <= len(text) for start, end in tokens.spans)
    assert all(one[0] <= other[0] for one, other in zip(tokens.spans, tokens.spans[1:], strict=False))
    np.testing.assert_array_equal(tokens.pooled, tiny.embed_question(text))


def test_text_beyond_the_limit_is_not_read(tiny: OnnxEmbedder) -> None:
    words = ["answer"] * (MAX_TOKENS - 2)
    vectors = tiny.embed_passages([" ".join(words), " ".join([*words, "document"]), " ".join(words[1:])])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert not np.allclose(vectors[0], vectors[2], atol=1e-6)


def test_progress_ends_with_all(tiny: OnnxEmbedder) -> None:
    calls: list[tuple[int, int]] = []
    texts = ["cite the document"] * 900
    tiny.embed_passages(texts, lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert len(done) > 1
    assert done == sorted(set(done))
    assert calls[-1] == (900, 900)


def test_threads_share_an_embedder(tiny: OnnxEmbedder) -> None:
    texts = [f"question {number}" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(tiny.embed_question, texts))
    for vector, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(vector, tiny.embed_question(text))


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 1000))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = packed_batches(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget


def test_opening_loads_neither_torch_nor_the_converter(folder: Path) -> None:
    name = prepare(str(folder)).name
    heavy = ["torch", "transformers", "sentence_transformers", "onnx", "safetensors"]
    code = (
        f"import sys; from index.embedding import open_embedder; open_embedder({name!r}).embed_question('x');"
        f"print([module for module in {heavy} if module in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

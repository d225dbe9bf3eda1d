"""Models by name or folder: a cross-encoder as reranker, any sentence-transformers model for vectors. Both made here."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny_bert import write_tiny_bert

from index.embedding import SentenceTransformerEmbedder
from index.library import Library
from index.reranking import CrossEncoderReranker
from index.weights import ModelNotFoundError, UnsafeModelError, resolve_model
from service.answering import Answerer
from service.bootstrap import open_answerer
from service.ingesting import ingest_paths
from service.refusal import Refusal
from service.settings import Settings

GUIDE = "\n\n".join(
    f"# Part {n}\n\n" + f"The {noun} of the office is {colour}. " * 12
    for n, (noun, colour) in enumerate(
        [("door", "green"), ("roof", "red"), ("badge", "white"), ("gate", "blue")]
    )
)
QUESTION = "Which colour has the door of the office?"


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of a few kilobytes with random weights, laid out as on a model hub."""
    transformers = pytest.importorskip("transformers", reason="the extra `models` is not installed")
    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("cross-encoder")
    base = write_tiny_bert(folder / "base")
    torch.manual_seed(1)
    config = transformers.BertConfig.from_pretrained(base, num_labels=1)
    made = folder / "tiny-cross-encoder"
    transformers.BertForSequenceClassification(config).save_pretrained(made)
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(base / file, made / file)
    return made


class Longest:
    """Prefers what holds a word."""

    name = "longest"

    def __init__(self, word: str) -> None:
        self._word = word
        self.seen: list[int] = []

    def scores(self, question: str, passages: Sequence[str]) -> np.ndarray:
        self.seen.append(len(passages))
        return np.array([float(self._word in passage) for passage in passages], np.float32)


def test_the_passages_come_in_the_order_of_the_reranker(library: Library) -> None:
    library.add(GUIDE.encode(), "guide.md")
    always = Refusal(0.0, {}, threshold=0.0)
    plain = Answerer(library, refusal=always).answer(QUESTION)
    for word in ("roof", "gate", "door"):
        reranker = Longest(word)
        answer = Answerer(library, refusal=always, reranker=reranker).answer(QUESTION)
        assert word in answer.citations[0].cited_text
        assert word in answer.passages[0].text
        assert reranker.seen == [4]
    assert "door" in plain.citations[0].cited_text
    source = GUIDE
    assert all(source[s.start : s.end] == s.text for c in answer.citations for s in c.spans)


def test_a_cross_encoder_is_loaded_by_its_folder(cross_encoder: Path) -> None:
    from sentence_transformers import CrossEncoder

    reranker = CrossEncoderReranker.open(str(cross_encoder))
    passages = ["the door is green", "add the document", "how"]
    direct = CrossEncoder(str(cross_encoder)).predict([(QUESTION, passage) for passage in passages])
    assert np.allclose(reranker.scores(QUESTION, passages), direct)
    assert len(set(np.round(direct, 6))) == 3
    assert reranker.name.startswith("tiny-cross-encoder@")
    assert reranker.scores(QUESTION, []).shape == (0,)


def test_settings_name_both_models(
    cross_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vectors of a model that the test makes, the reranker beside it: a whole answer without the bundled one."""
    from rich.console import Console

    monkeypatch.setenv("PINCITE_CACHE", str(tmp_path / "cache"))
    model = write_tiny_bert(tmp_path / "tiny-model")
    (tmp_path / "guide.md").write_text(GUIDE)
    settings = Settings(index=tmp_path / "index", model=str(model), reranker=str(cross_encoder))
    ingest_paths(settings, [tmp_path / "guide.md"], Console(quiet=True))
    answerer = open_answerer(settings)
    try:
        assert answerer.info().model.startswith("tiny-model@")
        found = answerer.search(QUESTION).passages
        assert found
        assert all(GUIDE[span.start : span.end] == span.text for passage in found for span in passage.spans)
    finally:
        answerer.library.close()


def test_any_model_of_sentence_transformers_embeds(tmp_path: Path) -> None:
    """Also one that the fast runtime cannot hold: it is asked in the way of the library itself."""
    sentence_transformers = pytest.importorskip(
        "sentence_transformers", reason="the extra `models` is missing"
    )
    folder = write_tiny_bert(tmp_path / "tiny-model")
    embedder = SentenceTransformerEmbedder(resolve_model(str(folder)))
    texts = ["the door is green", "add the document"]
    direct = sentence_transformers.SentenceTransformer(str(folder)).encode(texts, normalize_embeddings=True)
    assert np.allclose(embedder.embed_passages(texts), direct, atol=1e-6)
    assert np.allclose(embedder.embed_question(texts[0]), direct[0], atol=1e-6)


def test_models_that_cannot_be_used_are_named(tmp_path: Path, cross_encoder: Path) -> None:
    pickled = shutil.copytree(cross_encoder, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(UnsafeModelError, match="pickle"):
        CrossEncoderReranker.open(str(pickled))
    with pytest.raises(ModelNotFoundError):
        CrossEncoderReranker.open(str(tmp_path / "nowhere" / "model"))

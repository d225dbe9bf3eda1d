"""A BERT sentence encoder of a few kilobytes with random weights, laid out as sentence-transformers saves one."""

from __future__ import annotations

import json
import string
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

LAYERS, HEADS, DIMENSION, WIDE, POSITIONS, MAX_TOKENS = 2, 4, 32, 64, 48, 24
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["add", "document", "how", "the", "question", "answer", "cite"]
LETTERS = [*string.ascii_lowercase, *string.digits, *string.punctuation, "é", "日"]
VOCABULARY = [*SPECIALS, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]


def write_tiny_bert(folder: Path, seed: int = 0) -> Path:
    """Write the model into `folder` and return it."""
    (folder / "1_Pooling").mkdir(parents=True)
    save_file(_weights(seed), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    for file, content in _files().items():
        (folder / file).write_text(json.dumps(content), encoding="utf-8")
    return folder


def _weights(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), DIMENSION),
        "embeddings.position_embeddings.weight": (POSITIONS, DIMENSION),
        "embeddings.token_type_embeddings.weight": (2, DIMENSION),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{number}." for number in range(LAYERS)):
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
        square = [f"{layer}attention.self.{part}" for part in ("query", "key", "value")]
        linear = dict.fromkeys([*square, f"{layer}attention.output.dense"], (DIMENSION, DIMENSION))
        linear |= {f"{layer}intermediate.dense": (WIDE, DIMENSION), f"{layer}output.dense": (DIMENSION, WIDE)}
        for name, shape in linear.items():
            shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    weights = {name: random.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}
    for name in norms:
        weights[f"{name}.weight"] = random.normal(1, 0.1, DIMENSION).astype(np.float32)
        weights[f"{name}.bias"] = random.normal(0, 0.1, DIMENSION).astype(np.float32)
    return weights


def _files() -> dict[str, object]:
    modules = ["", "1_Pooling", "2_Normalize"]
    kinds = ["Transformer", "Pooling", "Normalize"]
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    frame = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    frame.append({"SpecialToken": {"id": "[SEP]", "type_id": 0}})
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": DIMENSION,
            "intermediate_size": WIDE,
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": POSITIONS,
            "num_attention_heads": HEADS,
            "num_hidden_layers": LAYERS,
            "pad_token_id": 0,
            "type_vocab_size": 2,
            "vocab_size": len(VOCABULARY),
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(zip(modules, kinds, strict=True))
        ],
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": DIMENSION, "pooling_mode_mean_tokens": True},
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": True},
        "tokenizer.json": {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": i, "content": word, **special} for i, word in enumerate(SPECIALS)],
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": False,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": frame,
                "pair": [*frame, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {
                    word: {"id": word, "ids": [SPECIALS.index(word)], "tokens": [word]}
                    for word in ("[CLS]", "[SEP]")
                },
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {word: i for i, word in enumerate(VOCABULARY)},
            },
        },
    }

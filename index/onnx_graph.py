"""A BERT sentence encoder as an ONNX graph, built from its weights without torch.

Inputs: `input_ids` and `attention_mask`, int32 of shape (batch, length), padded on the right.
Outputs: `embedding`, float32 of shape (batch, dimension), mean over the tokens, rows of unit length;
`tokens`, float32 of shape (batch, length, dimension), the last layer's rows, not normalised.

The operators are chosen by measurement (docs/decisions/004-embedding-runtime.md): attention is one fused
operator, but Add + LayerNormalization is used since ONNX Runtime's fused SkipLayerNormalization is 4-8 times
slower on CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.weights import ModelFolder, UnsupportedModelError

Precision = Literal["fp32", "int8"]
Weights = Mapping[str, NDArray[np.float32]]

EMBEDDINGS_FILE = "embeddings.bin"
"""The word embeddings, beside the graphs, which share them: raw little-endian float32, rows by token id."""

_WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"
_MICROSOFT = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSETS = {"": 20, _MICROSOFT: 1}
_IR_VERSION = 10


@dataclass(frozen=True, slots=True)
class BertShape:
    """The sizes of a BERT sentence encoder. `max_tokens` includes [CLS] and [SEP]."""

    layers: int
    heads: int
    dimension: int
    vocabulary: int
    max_tokens: int
    epsilon: float

    @classmethod
    def of(cls, model: ModelFolder) -> BertShape:
        """Read the shape of `model`. Raises `UnsupportedModelError` if it is no mean-pooled BERT."""
        config = model.read_json("config.json")
        found = {
            "model_type": config.get("model_type"),
            "hidden_act": config.get("hidden_act"),
            "position_embedding_type": config.get("position_embedding_type", "absolute"),
        }
        expected = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
        pooling = _pooling_modes(model.read_json("1_Pooling/config.json"))
        prompts = model.read_json("config_sentence_transformers.json").get("prompts") or {}
        if found != expected or pooling != ["mean"] or any(prompts.values()):
            raise UnsupportedModelError(
                f"{model.name} is not a mean-pooled BERT without prompts: {found}, pooling {pooling}."
            )
        positions = int(config["max_position_embeddings"])
        limits = (
            model.read_json("sentence_bert_config.json").get("max_seq_length"),
            model.read_json("tokenizer_config.json").get("model_max_length"),  # where newer versions keep it
        )
        return cls(
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            dimension=int(config["hidden_size"]),
            vocabulary=int(config["vocab_size"]),
            max_tokens=min(positions, *(int(limit) for limit in limits if limit)),
            epsilon=float(config["layer_norm_eps"]),
        )


def build_graph(weights: Weights, shape: BertShape, precision: Precision) -> bytes:
    """Return the serialised model; equal input gives equal bytes. It needs `EMBEDDINGS_FILE` beside it."""
    from onnx import helper

    graph = _Graph(weights, shape, precision)
    tokens = graph.embeddings()
    graph.add("ReduceSum", ["attention_mask", graph.axis(1)], "lengths", keepdims=0)
    for layer in range(shape.layers):
        last = layer == shape.layers - 1
        tokens = graph.layer(f"encoder.layer.{layer}.", tokens, "tokens" if last else f"layer.{layer}")
    graph.pool(tokens)
    ids = [graph.value(name, np.int32, ["batch", "length"]) for name in ("input_ids", "attention_mask")]
    outputs = [
        graph.value("embedding", np.float32, ["batch", shape.dimension]),
        graph.value("tokens", np.float32, ["batch", "length", shape.dimension]),
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "encoder", ids, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()],
        ir_version=_IR_VERSION,
        producer_name="pincite",
    )
    return bytes(model.SerializeToString(deterministic=True))


def word_embeddings(weights: Weights) -> bytes:
    """Return the content of `EMBEDDINGS_FILE`."""
    return np.ascontiguousarray(weights[_WORD_EMBEDDINGS], dtype="<f4").tobytes()


def quantise(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return `matrix` as whole numbers and the scale of each column: matrix ~ whole * scale.

    The whole numbers stay within +-64 (7 bits): 255 * 64 * 2 fits 16 bits, so that processors without VNNI,
    which add two products in 16 bits, do not saturate and every machine computes the same.
    """
    scale = np.maximum(np.abs(matrix).max(axis=0) / 64, np.finfo(np.float32).tiny).astype(np.float32)
    return np.rint(matrix / scale).astype(np.int8), scale


def _pooling_modes(config: Mapping[str, Any]) -> list[str]:
    """Return the names of the pooling modes that are on, of the old form of the file or the new one."""
    if "pooling_mode" in config:
        return [str(config["pooling_mode"])]
    modes = [key.removeprefix("pooling_mode_") for key, on in config.items() if on is True]
    return [mode.removesuffix("_tokens") for mode in modes if mode != "include_prompt"]


class _Graph:
    """Collects nodes and initializers; each method adds one part of the encoder and returns its output."""

    def __init__(self, weights: Weights, shape: BertShape, precision: Precision) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._weights = weights
        self._shape = shape
        self._precision = precision
        self._named: set[str] = set()

    def add(self, operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(
            helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes)
        )
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        if name not in self._named:
            self._named.add(name)
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def axis(self, number: int) -> str:
        return self.constant(f"axis.{number}", np.array([number], np.int64))

    def value(self, name: str, dtype: Any, shape: list[str | int]) -> Any:
        from onnx import helper

        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    def embeddings(self) -> str:
        """Word plus position embeddings, normalised. All tokens have type 0, which is added to the positions."""
        positions = self._weights["embeddings.position_embeddings.weight"][: self._shape.max_tokens]
        typed = positions + self._weights["embeddings.token_type_embeddings.weight"][0]
        words = self.add("Gather", [self._external_embeddings(), "input_ids"], "words")
        length = self.add("Shape", ["input_ids"], "length", start=1, end=2)
        begin = self.axis(0)
        placed = self.add("Slice", [self.constant("positions", typed), begin, length, begin], "placed")
        return self._norm("embeddings.LayerNorm", self.add("Add", [words, placed], "embedded"), "layer.in")

    def layer(self, name: str, tokens: str, output: str) -> str:
        """One transformer block."""
        attended = self._attention(f"{name}attention.self.", tokens)
        projected = self._linear(f"{name}attention.output.dense", attended)
        summed = self.add("Add", [projected, tokens], f"{name}attention.sum")
        middle = self._norm(f"{name}attention.output.LayerNorm", summed, f"{name}middle")
        wide = self.add(
            "Gelu", [self._linear(f"{name}intermediate.dense", middle)], f"{name}gelu", domain=_MICROSOFT
        )
        summed = self.add("Add", [self._linear(f"{name}output.dense", wide), middle], f"{name}sum")
        return self._norm(f"{name}output.LayerNorm", summed, output)

    def pool(self, tokens: str) -> None:
        """The mean over the tokens, of unit length: the sum will do, as the length is divided away."""
        from onnx import TensorProto

        mask = self.add("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        row = self.add("Unsqueeze", [mask, self.axis(1)], "mask.row")
        summed = self.add("MatMul", [row, tokens], "pooled")
        flat = self.add("Squeeze", [summed, self.axis(1)], "pooled.flat")
        self.add("LpNormalization", [flat], "embedding", axis=-1, p=2)

    def _attention(self, name: str, tokens: str) -> str:
        parts = ("query", "key", "value")
        matrix = np.concatenate([self._weights[f"{name}{part}.weight"].T for part in parts], axis=1)
        bias = self.constant(
            f"{name}bias", np.concatenate([self._weights[f"{name}{part}.bias"] for part in parts])
        )
        if self._precision == "fp32":
            inputs = [tokens, self.constant(f"{name}weight", matrix), bias, "lengths"]
            return self.add("Attention", inputs, f"{name}out", domain=_MICROSOFT, num_heads=self._shape.heads)
        from onnx import helper

        whole, scale = quantise(matrix)
        quantised = [f"{name}in", f"{name}in.scale", f"{name}in.zero"]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [tokens], quantised, name=quantised[0]))
        weight = self.constant(f"{name}weight", whole)
        scales = self.constant(f"{name}scale", scale)
        zeros = self.constant(f"{name}zero", np.zeros(len(scale), np.int8))
        inputs = [quantised[0], weight, bias, quantised[1], scales, "lengths", quantised[2], zeros]
        return self.add("QAttention", inputs, f"{name}out", domain=_MICROSOFT, num_heads=self._shape.heads)

    def _linear(self, name: str, inputs: str) -> str:
        matrix = self._weights[f"{name}.weight"].T
        bias = self.constant(f"{name}.bias", self._weights[f"{name}.bias"])
        if self._precision == "fp32":
            product = self.add("MatMul", [inputs, self.constant(f"{name}.weight", matrix)], f"{name}.product")
            return self.add("Add", [product, bias], f"{name}.out")
        whole, scale = quantise(matrix)
        operands = [
            inputs,
            self.constant(f"{name}.weight", whole),
            self.constant(f"{name}.scale", scale),
            "",
            bias,
        ]
        return self.add("DynamicQuantizeMatMul", operands, f"{name}.out", domain=_MICROSOFT)

    def _norm(self, name: str, inputs: str, output: str) -> str:
        gain = self.constant(f"{name}.weight", self._weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", self._weights[f"{name}.bias"])
        epsilon = self._shape.epsilon
        return self.add("LayerNormalization", [inputs, gain, bias], output, axis=-1, epsilon=epsilon)

    def _external_embeddings(self) -> str:
        from onnx import TensorProto

        shape = (self._shape.vocabulary, self._shape.dimension)
        tensor = TensorProto(
            name="word_embeddings",
            dims=shape,
            data_type=TensorProto.FLOAT,
            data_location=TensorProto.EXTERNAL,
        )
        size = 4 * shape[0] * shape[1]
        for key, value in {"location": EMBEDDINGS_FILE, "offset": "0", "length": str(size)}.items():
            tensor.external_data.add(key=key, value=value)
        self.initializers.append(tensor)
        return "word_embeddings"

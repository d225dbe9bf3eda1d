"""The file of weights that the native encoder reads: int8 matrices in the order its kernels go through them.

A file is a header of 64 bytes (five whole numbers and the norms' epsilon), the embeddings of places and of the two
segments, their norm (gain, bias), and the layers: attention (query, key and value side by side), output, norm, up,
down, norm. A linear part is its bias, the scale of each column and its sum, then the weights in
panels of 32 columns, four rows at a time: [out / 32][in / 4][32][4].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.onnx_graph import BertShape, Weights

Floats = NDArray[np.float32]
Norm = tuple[Floats, Floats]
"""Gain and bias."""

HEADER = np.dtype([("sizes", "<i4", 5), ("epsilon", "<f4"), ("rest", "V40")])
"""`sizes`: dimension, inner dimension, heads, layers, places."""

_PANEL, _STEP = 32, 4


@dataclass(frozen=True, slots=True)
class Linear:
    """int8 weights of shape (in, out), within +-127, with a scale and a bias for each column."""

    weight: NDArray[np.int8]
    scale: Floats
    bias: Floats

    @classmethod
    def rounded(cls, weight: Floats, bias: Floats) -> Linear:
        """Round `weight`, of shape (in, out), to int8."""
        scale = np.maximum(np.abs(weight).max(axis=0) / 127, np.finfo(np.float32).tiny).astype(np.float32)
        return cls(np.rint(weight / scale).astype(np.int8), scale, bias)


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of one layer."""

    query: Linear
    key: Linear
    value: Linear
    output: Linear
    middle: Norm
    up: Linear
    down: Linear
    last: Norm


def pack_bert(weights: Weights, shape: BertShape) -> bytes:
    """Return the file of a BERT sentence encoder, as `pack` does."""

    def linear(name: str) -> Linear:
        return Linear.rounded(weights[f"{name}.weight"].T, weights[f"{name}.bias"])

    def norm(name: str) -> Norm:
        return weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"]

    def layer(name: str) -> Layer:
        query, key, value = (linear(f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        return Layer(
            query,
            key,
            value,
            output=linear(f"{name}attention.output.dense"),
            middle=norm(f"{name}attention.output"),
            up=linear(f"{name}intermediate.dense"),
            down=linear(f"{name}output.dense"),
            last=norm(f"{name}output"),
        )

    return pack(
        weights["embeddings.position_embeddings.weight"],
        weights["embeddings.token_type_embeddings.weight"],
        norm("embeddings"),
        [layer(f"encoder.layer.{number}.") for number in range(shape.layers)],
        shape.heads,
        shape.epsilon,
    )


def pack(
    places: Floats, types: Floats, norm: Norm, layers: Sequence[Layer], heads: int, epsilon: float
) -> bytes:
    """Return the file of a network, empty where the encoder cannot hold its sizes."""
    dimension, inner = layers[0].up.weight.shape
    if dimension % _PANEL or inner % _PANEL or dimension % heads:
        return b""
    header = np.zeros(1, HEADER)
    header["sizes"] = dimension, inner, heads, len(layers), len(places)
    header["epsilon"] = epsilon
    parts: list[NDArray[Any]] = [header, places, types, *norm]
    for layer in layers:
        parts += _linear(_attention(layer, (dimension // heads) ** -0.5)) + _linear(layer.output)
        parts += [*layer.middle, *_linear(layer.up), *_linear(layer.down), *layer.last]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def _attention(layer: Layer, factor: float) -> Linear:
    """Return query, key and value as one, the queries multiplied by `factor`."""
    parts = (layer.query, layer.key, layer.value)
    factors = np.repeat(np.array([factor, 1, 1], np.float32), len(layer.query.bias))
    return Linear(
        np.concatenate([part.weight for part in parts], axis=1),
        np.concatenate([part.scale for part in parts]) * factors,
        np.concatenate([part.bias for part in parts]) * factors,
    )


def _linear(linear: Linear) -> list[NDArray[Any]]:
    rows, columns = linear.weight.shape
    panels = linear.weight.reshape(rows // _STEP, _STEP, columns // _PANEL, _PANEL).transpose(2, 0, 3, 1)
    sums = linear.weight.sum(axis=0, dtype=np.int32) * linear.scale
    return [linear.bias, linear.scale, sums.astype(np.float32), panels]

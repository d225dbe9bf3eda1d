"""The reader's weights for the native encoder, taken from the ONNX file that `tools/export_reader.py` writes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.native_file import Layer, Linear, Norm, pack
from index.weights import UnsupportedModelError

LAYERS_FILE, WORDS_FILE, HEADS_FILE = "layers.bin", "words.npy", "heads.npz"

DIMENSION, HEADS = 384, 12
WINDOW_TOKENS = 128
"""Tokens of a question and what is read with it, together."""

_EPSILON = 1e-12
_PREFIX = "net."


def native_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files that `NativeReader` opens; equal weights give equal bytes.

    Raises `UnsupportedModelError` if `path` is not as the exporter writes it.
    """
    try:
        part = _Parts(path)
        depth = {kind: part.depth(kind) for kind in ("layers", "readouts")}
        names = [f"{kind}.{number}." for kind in depth for number in range(depth[kind])]
        layers = [part.layer(name) for name in names]
        places, types = part.table("places"), part.table("types")
        yield LAYERS_FILE, pack(places, types, part.norm("norm"), layers, HEADS, _EPSILON)
        yield WORDS_FILE, _bytes(np.save, part["words.weight_quantized"])
        edges, sentence, pair = (part.dense(name) for name in ("edges", "sentence", "pair"))
        yield (
            HEADS_FILE,
            _bytes(
                np.savez,
                layers=depth["layers"],
                word_scale=part["words.weight_scale"],
                word_zero=part["words.weight_zero_point"],
                likely=edges[0].sum(axis=1),
                sentence=sentence[0][:, 0],
                sentence_bias=sentence[1],
                pair=pair[0][:, 0],
                pair_bias=pair[1],
            ),
        )
    except (KeyError, StopIteration) as missing:
        raise UnsupportedModelError(
            f"{path} lacks {missing}: it was not written by tools/export_reader.py"
        ) from missing


class _Parts:
    """The tensors of the ONNX file by the names they have in `tools/reader_model.py`."""

    def __init__(self, path: Path) -> None:
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(str(path)).graph
        self._tensors = {
            tensor.name.removeprefix(_PREFIX): numpy_helper.to_array(tensor) for tensor in graph.initializer
        }
        self._matrices = {}
        for node in graph.node:
            if node.op_type == "MatMulInteger" and (
                found := re.match(r"/net/([\w./]+)/\w*MatMul", node.name)
            ):
                self._matrices[found[1].replace("/", ".")] = (
                    node.input[1].removeprefix(_PREFIX).removesuffix("_quantized")
                )

    def __getitem__(self, name: str) -> NDArray[Any]:
        return np.asarray(self._tensors[name])

    def depth(self, kind: str) -> int:
        numbers = {int(name.split(".")[1]) for name in self._tensors if name.startswith(f"{kind}.")}
        return len(numbers)

    def table(self, name: str) -> NDArray[np.float32]:
        whole, zero = (self[f"{name}.weight_{kind}"].astype(np.int32) for kind in ("quantized", "zero_point"))
        return np.asarray((whole - zero) * self[f"{name}.weight_scale"], np.float32)

    def norm(self, name: str) -> Norm:
        return self[f"{name}.weight"], self[f"{name}.bias"]

    def linear(self, name: str) -> Linear:
        matrix = self._matrices[name]
        if self[f"{matrix}_zero_point"].any():
            raise KeyError(f"{name} with zero points of 0")
        return Linear(self[f"{matrix}_quantized"], self[f"{matrix}_scale"], self[f"{name}.bias"])

    def dense(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        linear = self.linear(name)
        return linear.weight * linear.scale, linear.bias

    def layer(self, name: str) -> Layer:
        query, key, value, output, up, down = (
            self.linear(f"{name}{part}") for part in ("query", "key", "value", "out", "up", "down")
        )
        middle, last = self.norm(f"{name}norm1"), self.norm(f"{name}norm2")
        return Layer(query, key, value, output, middle, up, down, last)


def _bytes(save: Any, *values: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(file, *values, **named)
    return file.getvalue()

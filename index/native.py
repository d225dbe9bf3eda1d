"""The native encoder: index/encoder.cpp, where it was compiled, on the weights that `index.native_file` packs.

The words' embeddings are the caller's: a network turns them into those of tokens, sends them through its layers, and
pools them. docs/decisions/010-native-encoder.md says why it exists and how fast it is.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.native_file import HEADER, Floats

TARGETS = ("portable", "avx2", "avx512")
"""The kernels, slowest first. A processor that runs one of them runs those before it."""

VERSION = 3
"""What encoder_version in the C++ file says; a model converted before it changed is converted again."""

_SWITCH = "PINCITE_NATIVE"


class NativeUnavailableError(Exception):
    """The native encoder is not to be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The tokens of several texts, one row each: those of text i are from starts[i] to starts[i + 1]."""

    values: Floats
    starts: NDArray[np.int32]

    @classmethod
    def of(cls, words: Floats, lengths: Sequence[int] | NDArray[np.integer[Any]]) -> Rows:
        """Return the rows of texts of these lengths."""
        starts = np.zeros(len(lengths) + 1, np.int32)
        np.cumsum(lengths, out=starts[1:])
        if starts[-1] != len(words):
            raise ValueError(f"{len(words)} rows for texts of {starts[-1]} tokens")
        return cls(np.ascontiguousarray(words, np.float32), starts)


class Network:
    """A network on the native encoder. Safe to use from several threads at once; a call runs on one."""

    def __init__(self, path: Path) -> None:
        """Open a file that `pack` gave. Raises `NativeUnavailableError` where the encoder is not to be had."""
        self._library, self._target = _library(), target()
        if path.stat().st_size == 0:
            raise NativeUnavailableError(
                f"the native encoder cannot hold the sizes of the model in {path.parent}"
            )
        self._file = np.memmap(path, np.uint8, "r")
        header = self._file[: HEADER.itemsize].view(HEADER)[0]
        self.dimension, inner, heads, self.layers, self.places = map(int, header["sizes"])
        places = self._file.ctypes.data + HEADER.itemsize
        types = places + 4 * self.dimension * self.places
        sizes = (self.dimension, inner, heads, float(header["epsilon"]))
        self._network = _Network(*sizes, places, types, types + 8 * self.dimension)

    def embed(self, rows: Rows, segments: NDArray[np.uint8] | None = None) -> None:
        """Turn the embeddings of words into those of tokens, in place. `segments` are 0 or 1, by default 0."""
        marks = np.zeros(len(rows.values), np.uint8) if segments is None else segments
        longest = int(np.diff(rows.starts).max())
        if len(marks) != len(rows.values) or longest > self.places:
            raise ValueError(
                f"{len(marks)} segments for {len(rows.values)} tokens, {longest} of at most {self.places} in a text"
            )
        self._library.encoder_embed(self._target, self._network, *_addresses(rows), marks.ctypes.data)

    def run(self, rows: Rows, first: int, last: int, memory: Rows | None = None) -> None:
        """Send `rows` through the layers `first` to `last`, in place; they attend to `memory`, or to themselves."""
        values, starts, texts = _addresses(rows)
        held, held_starts, held_texts = _addresses(memory or rows)
        if texts != held_texts or last > self.layers:
            raise ValueError(f"{texts} texts attend to {held_texts}, in layer {last} of {self.layers}")
        if self._library.encoder_layers(
            self._target, self._network, first, last, values, starts, held, held_starts, texts
        ):
            raise MemoryError(f"no memory for {len(rows.values)} tokens")

    def pool(self, rows: Rows) -> Floats:
        """Return the mean of each text's rows, of unit length."""
        pooled = np.empty((len(rows.starts) - 1, self.dimension), np.float32)
        self._library.encoder_pool(self._target, self._network, *_addresses(rows), pooled.ctypes.data)
        return pooled


def target() -> int:
    """Return the place in TARGETS of the kernels to use: the fastest, or those PINCITE_NATIVE names.

    Raises `NativeUnavailableError` where there are none, PINCITE_NATIVE is "off", or only the portable ones run and
    are not asked for: ONNX Runtime is faster than they are.
    """
    best = int(_library().encoder_target())
    runs, wanted = TARGETS[: best + 1], os.environ.get(_SWITCH)
    if not wanted and best == 0:
        raise NativeUnavailableError(
            f"the native encoder has no fast kernels for this processor ({runs[0]} only)"
        )
    wanted = wanted or TARGETS[best]
    if wanted not in runs:
        raise NativeUnavailableError(f"{_SWITCH} is {wanted!r}; this processor runs {', '.join(runs)}")
    return TARGETS.index(wanted)


class _Network(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("dimension", "inner", "heads")),
        ("epsilon", ctypes.c_float),
        *((name, ctypes.c_void_p) for name in ("places", "types", "weights")),
    )


@cache
def _library() -> ctypes.CDLL:
    places = [Path(__file__).with_name(f"_encoder{suffix}") for suffix in EXTENSION_SUFFIXES]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise NativeUnavailableError(
            "the native encoder was not compiled; with a C++ compiler, install again"
        )
    try:
        library = ctypes.CDLL(str(path))  # whose calls let other threads run
    except OSError as error:
        raise NativeUnavailableError(f"the native encoder does not load: {error}") from error
    version = library.encoder_version() if hasattr(library, "encoder_version") else 0
    if version != VERSION:
        raise NativeUnavailableError(
            f"the native encoder was compiled as version {version}, expected {VERSION}; install again"
        )
    number, address = ctypes.c_int, ctypes.c_void_p
    network, rows = (number, ctypes.POINTER(_Network)), (address, address)
    library.encoder_embed.argtypes = [*network, *rows, number, address]
    library.encoder_layers.argtypes = [*network, number, number, *rows, *rows, number]
    library.encoder_pool.argtypes = [*network, *rows, number, address]
    library.encoder_embed.restype = library.encoder_pool.restype = None
    return library


def _addresses(rows: Rows) -> tuple[int, int, int]:
    return rows.values.ctypes.data, rows.starts.ctypes.data, len(rows.starts) - 1

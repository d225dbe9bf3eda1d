"""Readings and arrays to bytes and back. Plain data only: nothing that is loaded can run."""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ingest.reading import Reading
from ingest.types import Edit, Mark, Note, Repeat, Section

_RECORDS: dict[str, Any] = {
    "sections": tuple[Section, ...],
    "edits": tuple[Edit, ...],
    "marks": tuple[Mark, ...],
    "notes": tuple[Note, ...],
    "repeats": tuple[Repeat, ...],
}
"""The records of a reading, beside its text and its map."""


def pack_text(text: str) -> bytes:
    """Compress text."""
    return zlib.compress(text.encode("utf-8"), 1)


def unpack_text(data: bytes) -> str:
    """Return what `pack_text` was given."""
    return zlib.decompress(data).decode("utf-8")


def pack_reading(reading: Reading) -> bytes:
    """Compress a reading."""
    fields = {
        "text": reading.text,
        "pieces": np.ascontiguousarray(reading.pieces),
        "breaks": np.flatnonzero(reading.breaks),
        **{name: getattr(reading, name) for name in _RECORDS},
    }
    return zlib.compress(orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY), 1)


def unpack_reading(data: bytes) -> Reading:
    """Return what `pack_reading` was given."""
    fields: dict[str, Any] = orjson.loads(zlib.decompress(data))
    pieces = np.array(fields["pieces"], np.int64).reshape(-1, 4)
    breaks = np.zeros(len(pieces), np.bool_)
    breaks[fields["breaks"]] = True
    records = {name: adapter.validate_python(fields[name]) for name, adapter in _adapters().items()}
    return Reading(fields["text"], pieces, breaks, **records)


def pack_vectors(vectors: NDArray[np.float32]) -> bytes:
    """Store vectors as little-endian half floats: cosines change by less than .001."""
    return vectors.astype("<f2").tobytes()


def unpack_vectors(data: bytes, dimension: int) -> NDArray[np.float16]:
    """Return shape (n, dimension)."""
    return np.frombuffer(data, "<f2").reshape(-1, dimension)


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    return {name: TypeAdapter(kind) for name, kind in _RECORDS.items()}

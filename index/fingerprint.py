"""A hash of what an index holds: equal for equal contents, on every backend, kept up by adding and subtracting."""

from __future__ import annotations

import hashlib

from index.types import DocumentRecord

MODULUS = 1 << 128


def mark(record: DocumentRecord) -> int:
    """Return what a document adds to the sum that `fingerprint` is made from."""
    line = f"{record.id} {record.sha256} {record.title}".encode()
    return int.from_bytes(hashlib.sha256(line).digest()[:16], "big")


def fingerprint(model: str, total: int) -> str:
    """Return the hash of the model and of the sum of the documents' marks, modulo `MODULUS`."""
    return hashlib.sha256(f"{model} {total % MODULUS}".encode()).hexdigest()[:16]

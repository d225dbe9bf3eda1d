"""Cutting and mending runs of pieces. Offsets are into the text that the pieces make together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingest.types import Piece, Quality


def in_step(piece: Piece) -> bool:
    """Say whether `piece` runs in step with its source, character by character."""
    return len(piece.text) == piece.end - piece.start


def cut_piece(piece: Piece, start: int, end: int) -> Piece:
    """Return characters `start:end` of `piece`. A replacement stands for its whole source however it is cut."""
    if start <= 0 and end >= len(piece.text):
        return piece
    text = piece.text[start:end]
    if not in_step(piece):
        return replace(piece, text=text)
    return replace(piece, text=text, start=piece.start + start, end=piece.start + start + len(text))


def cut(pieces: Iterable[Piece], start: int, end: int) -> tuple[Piece, ...]:
    """Return the pieces of `start:end`. A note mark belongs to the text before it."""
    found = []
    at = 0
    for piece in pieces:
        after = at + len(piece.text)
        if at == after:
            if start < at <= end or at == start == 0:
                found.append(piece)
        elif at < end and after > start:
            found.append(cut_piece(piece, max(start - at, 0), min(end, after) - at))
        at = after
        if at > end:
            break
    return tuple(found)


def trimmed(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return `pieces` without white space at either end."""
    text = "".join(piece.text for piece in pieces)
    kept = cut(pieces, len(text) - len(text.lstrip()), len(text.rstrip()))
    return tuple(piece for piece in kept if piece.text or piece.note)


def with_quality(pieces: Iterable[Piece], quality: Quality) -> tuple[Piece, ...]:
    """Return `pieces`, all of `quality`."""
    return tuple(replace(piece, quality=quality) for piece in pieces)


def space_at(place: int) -> Piece:
    """Return a space that is not in the source, before the source character at `place`."""
    return Piece(" ", place, place)

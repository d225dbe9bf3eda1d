"""Raised numbers as note marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.types import Piece

_MARKS = re.compile(r"[\[(]?\s*(?:\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*,?|[*†‡§¶]{1,3})\s*[\])]?")
_LABEL = re.compile(r"\d{1,3}|[*†‡§¶]{1,3}")


def note_marks(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the note marks that raised `pieces` show ("1", "2,3", "[4]", "(5)", "*"), one a label.

    The list is empty where they show anything else: an ordinal, a unit. Whether a number calls a note or is
    a power is not told here: that takes the notes.
    """
    if not _MARKS.fullmatch("".join(piece.text for piece in pieces).strip()):
        return []
    found: list[Piece] = []
    for piece in pieces:
        for label in _LABEL.finditer(piece.text):
            start, end = piece.start, piece.end
            if len(piece.text) == end - start:
                start, end = start + label.start(), start + label.end()
            found.append(Piece("", start, end, note=label.group()))
    return found

"""A page of a PDF as a picture (PDFium by way of pypdfium2)."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import UnreadableError

LONG_SIDE = 1_800
"""Most pixels along the longer side of a page."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def draw_page(data: bytes, number: int, name: str) -> bytes:
    """Return page `number`, from 1, as a PNG no longer than `LONG_SIDE`. Raises `UnreadableError`.

    Only what the file itself holds is drawn; PDFium loads nothing from elsewhere.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        if not 1 <= number <= len(document):
            raise UnreadableError(f"{name!r} has {len(document)} pages: there is no page {number}")
        page: Any = document[number - 1]
        scale = LONG_SIDE / max(*page.get_size(), 1.0)
        bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(f"page {number} of {name!r} cannot be drawn. Is the file whole?") from error
    return png(np.asarray(bitmap.to_numpy())[:LONG_SIDE, :LONG_SIDE, :3])


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels of shape (height, width, 3) as a PNG; one without colours takes a third of the room."""
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 0] = 2  # each row as what it adds to the one above: most of a page is like the row above
    rows[:, 1:] = np.diff(
        pixels.reshape(height, -1), axis=0, prepend=np.zeros((1, width * channels), np.uint8)
    )
    kind = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    image = zlib.compress(rows.tobytes(), 6)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", image) + _chunk(b"IEND", b"")


def size_of(image: bytes) -> tuple[int, int]:
    """Return the width and height that a PNG declares. Raises `ValueError` for anything else."""
    if not image.startswith(SIGNATURE) or image[12:16] != b"IHDR" or len(image) < 24:
        raise ValueError(f"this is no PNG: it begins with {image[:8]!r}")
    width, height = struct.unpack(">II", image[16:24])
    return width, height


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

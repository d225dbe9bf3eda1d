"""PDF to text and blocks, with the page box of every word (PDFium by way of pypdfium2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ingest.boxes import Boxes
from ingest.content import Content, Limits
from ingest.errors import EncryptedError, NoTextError, TooManyPagesError, UnreadableError
from ingest.pdfblocks import Body, Stream, body_of, write_stream
from ingest.pdffurniture import find_furniture
from ingest.pdflayout import Line, page_lines, reading_order
from ingest.pdfwords import PageReader, Word
from ingest.pdfwriter import Writer
from ingest.types import Block

_TAIL = 4096  # bytes at the end, in which a whole file has its end mark
_PASSWORD = 4  # PDFium's FPDF_ERR_PASSWORD
_PAGE_BREAK = "\f"


def read_pdf(data: bytes, name: str, limits: Limits) -> Content:
    """Return the text of a PDF, a line a line and a form feed between pages, in reading order.

    Raises `EncryptedError`, `TooManyPagesError`, `UnreadableError`, and `NoTextError` for a scan.
    """
    if b"%%EOF" not in data[-_TAIL:] and b"startxref" not in data[-_TAIL:]:
        raise UnreadableError(
            f"{name!r} is cut off: a PDF ends with %%EOF, this one does not. Get it again, whole"
        )
    pages: list[list[Word]] = []
    sizes: list[tuple[float, float]] = []
    for words, size in _pages(data, name, limits):
        pages.append(words)
        sizes.append(size)
    if not any(pages):
        raise NoTextError(
            f"{name!r} holds no text on its {len(pages)} pages: a scan, perhaps. Run it through text recognition "
            "(OCR) and add the result"
        )
    writer = Writer(name, limits.characters)
    _write(writer, pages, sizes)
    return Content(
        "".join(writer.parts),
        tuple(writer.blocks),
        boxes=Boxes(
            np.frombuffer(writer.boxes, np.int32).reshape(-1, 7),
            np.array([[round(10 * side) for side in size] for size in sizes], np.int32).reshape(-1, 2),
        ),
    )


def _pages(data: bytes, name: str, limits: Limits) -> Iterator[tuple[list[Word], tuple[float, float]]]:
    """Yield the words and the width and height of each page."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _PASSWORD:
            raise EncryptedError(
                f"{name!r} is encrypted: save it without a password and add it again"
            ) from error
        raise UnreadableError(
            f"{name!r} is no whole PDF: it cannot be opened. Get it again, whole"
        ) from error
    count = len(document)
    if count == 0:
        raise UnreadableError(f"{name!r} is no whole PDF: it has no pages. Get it again, whole")
    if count > limits.pages:
        raise TooManyPagesError(
            f"{name!r} has {count} pages, the limit is {limits.pages}. Split it and add the parts"
        )
    for i in range(count):
        try:
            page: Any = document[i]
            text = page.get_textpage()
        except pypdfium2.PdfiumError as error:
            raise UnreadableError(
                f"page {i + 1} of {count} of {name!r} cannot be read. Is the file whole?"
            ) from error
        yield PageReader(page, text).words(), page.get_size()
        text.close()
        page.close()


def _write(writer: Writer, pages: list[list[Word]], sizes: Sequence[tuple[float, float]]) -> None:
    """Write `pages`, which are emptied: a long document is not held twice."""
    turns = [_main_turn(words) for words in pages]
    upright = [
        page_lines([word for word in words if word.turn == turn])
        for words, turn in zip(pages, turns, strict=True)
    ]
    heights = [size[turn in (0, 2)] for size, turn in zip(sizes, turns, strict=True)]
    furniture = find_furniture(upright, heights)
    streams = [
        [
            Stream.of(column)
            for column in reading_order([line for j, line in enumerate(lines) if j not in furniture[i]])
        ]
        for i, lines in enumerate(upright)
    ]
    body = body_of([stream for page in streams for stream in page])
    for i, lines in enumerate(upright):
        writer.page = i + 1
        if i:
            writer.write(_PAGE_BREAK)
        middle = lines[len(lines) // 2].y if lines else 0.0
        _write_furniture(writer, [lines[j] for j in sorted(furniture[i]) if lines[j].y <= middle])
        for stream in streams[i]:
            write_stream(writer, stream, body)
        _write_turned(writer, [word for word in pages[i] if word.turn != turns[i]], body)
        _write_furniture(writer, [lines[j] for j in sorted(furniture[i]) if lines[j].y > middle])
        pages[i], upright[i], streams[i] = [], [], []


def _main_turn(words: Sequence[Word]) -> int:
    """Return the direction of most of the text of a page."""
    counts = [0, 0, 0, 0]
    for word in words:
        if word.turn >= 0:
            counts[word.turn] += len(word.text)
    return counts.index(max(counts))


def _write_turned(writer: Writer, words: Sequence[Word], body: Body) -> None:
    """Write what stands across the page; what stands aslant is a watermark."""
    for turn in sorted({word.turn for word in words}):
        lines = page_lines([word for word in words if word.turn == turn])
        if turn < 0:
            _write_furniture(writer, lines)
        else:
            write_stream(writer, Stream.of(lines), body)


def _write_furniture(writer: Writer, lines: Sequence[Line]) -> None:
    for line in lines:
        pieces = writer.words(line.words)
        if pieces:
            writer.blocks.append(
                Block("furniture", pieces[0].start, pieces[-1].end, pieces, page=writer.page)
            )
        writer.write("\n")

"""Pages as pictures: what is drawn is the page, the boxes lie on its words, and hostile files cost what they may."""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from making import make_pdf, pdf_with, stream
from numpy.typing import NDArray

from ingest.errors import ExtractionLimitError, ReadError, UnreadableError
from ingest.pageimage import LONG_SIDE, png, size_of
from ingest.readers import read_document
from ingest.sandbox import DRAWING, _image, draw_apart
from ingest.types import Span

WORDS = [(100, 600, "Alpha beta gamma", 20), (100, 200, "omega", 20)]


def pixels_of(image: bytes) -> NDArray[np.uint8]:
    """Read a PNG of the one kind that is written here: 8 bits, rows as differences, one chunk of data."""
    width, height = size_of(image)
    channels = {0: 1, 2: 3}[image[25]]
    length = int.from_bytes(image[33:37], "big")
    rows = np.frombuffer(zlib.decompress(image[41 : 41 + length]), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 2).all()
    return np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, channels)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9).map(lambda shape: (*shape, 3))))
def test_a_picture_comes_back_as_it_was(pixels: NDArray[np.uint8]) -> None:
    again = pixels_of(png(pixels))
    assert (np.broadcast_to(again, pixels.shape) == pixels).all()
    assert (again.shape[2] == 1) == bool((pixels == pixels[..., :1]).all())


@pytest.mark.parametrize(
    ("extra", "size"),
    [
        (b"", (612, 792)),
        (b"/Rotate 90", (612, 792)),
        (b"/Rotate 180", (612, 792)),
        (b"/Rotate 270", (700, 640)),
        (b"/CropBox [50 100 500 700]", (612, 792)),
        (b"/CropBox [50 100 500 700] /Rotate 90", (612, 792)),
    ],
)
def test_boxes_lie_on_the_ink_of_their_words(extra: bytes, size: tuple[int, int]) -> None:
    data = make_pdf([[], WORDS], extra, size)
    document = read_document(data, "x.pdf")
    assert document.boxes is not None
    image = pixels_of(draw_apart(data, 2, "x.pdf"))
    width, height = (side / 10 for side in document.boxes.sizes[1].tolist())
    scale = LONG_SIDE / max(width, height)
    assert image.shape[1::-1] == pytest.approx((width * scale, height * scale), abs=1.5)
    ink = image[..., 0] < 128
    for word in ("beta", "omega"):
        start = document.source.index(word)
        (box,) = document.boxes.of(Span(start, start + len(word)))
        assert box.page == 2
        left, right = round(box.x0 * scale), round(box.x1 * scale)
        top, bottom = round(box.y0 * scale), round(box.y1 * scale)
        assert ink[top:bottom, left:right].mean() > 0.08
        ink[top - 2 : bottom + 2, left - 2 : right + 2] = False
    gone = document.source.index("Alpha"), document.source.index("gamma")
    for start in gone:
        (box,) = document.boxes.of(Span(start, start + 5))
        left, right = round(box.x0 * scale) - 2, round(box.x1 * scale) + 2
        ink[round(box.y0 * scale) - 2 : round(box.y1 * scale) + 2, left:right] = False
    assert not ink.any()


@pytest.mark.parametrize("size", [(14_400, 14_400), (1, 14_400), (3, 3)])
def test_a_picture_is_bounded_whatever_the_page(size: tuple[int, int]) -> None:
    image = draw_apart(make_pdf([[(1, 1, "x", 1)]], size=size), 1, "x.pdf")
    assert max(size_of(image)) == LONG_SIDE


@pytest.mark.parametrize("number", [0, 3, 10**9])
def test_a_page_that_is_not_there(number: int) -> None:
    with pytest.raises(UnreadableError, match=f"has 2 pages: there is no page {number}"):
        draw_apart(make_pdf([WORDS, WORDS]), number, "x.pdf")


def test_what_is_no_pdf_is_not_drawn() -> None:
    with pytest.raises(UnreadableError, match="cannot be drawn"):
        draw_apart(b"%PDF-1.7 nothing", 1, "x.pdf")


def test_a_page_that_draws_for_ever_is_stopped() -> None:
    drawn = b"0 0 612 792 re f " * (1 << 22)
    bomb = pdf_with([stream(zlib.compress(drawn))])
    with pytest.raises(ExtractionLimitError, match="within 1 s"):
        draw_apart(bomb, 1, "bomb.pdf", replace(DRAWING, seconds=1))


@given(st.binary(max_size=60) | st.just(png(np.zeros((LONG_SIDE + 1, 1, 3), np.uint8))) | st.none())
def test_an_answer_that_is_no_such_picture_is_refused(image: bytes | None) -> None:
    given_ = None if image is None else b64encode(image).decode()
    for answer in (orjson.dumps({"image": given_}), orjson.dumps([given_]), b"{"):
        with pytest.raises(UnreadableError, match="malformed"):
            _image(answer, "x")


def test_an_error_of_the_child_is_raised() -> None:
    with pytest.raises(ReadError, match="locked"):
        _image(orjson.dumps({"error": "encrypted", "message": "locked"}), "x")

"""The words of a PDF page with their places, as PDFium finds them."""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import dataclass
from typing import Any

_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_SPACES = frozenset((9, 10, 13, 32, 0xA0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000))
_BREAKS = frozenset((10, 13))  # PDFium puts them between the letters of slanting words
_IGNORED = frozenset((0, 0xFEFF, 0xFFFF))
_HYPHENS = frozenset((2, 0xAD, 0xFFFE))  # what PDFium gives for the hyphen that ends a line
_GAP = 0.6  # em: a wider gap parts words even without a space between them
_SLANTED = -1


@dataclass(slots=True)
class Word:
    """A run of characters without a space, of one size and on one baseline.

    `x0`, `x1` and `y`, the baseline, are points in the direction of reading: rightwards and downwards as
    the word itself stands. `box` is where it shows on the page, from the top left. `turn` is the direction
    of its line in quarter turns against the clock, -1 for anything between them.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    box: tuple[float, float, float, float]
    turn: int = 0
    spaced: bool = True  # a space stands before it
    raised: bool = False


class PageReader:
    """Reads the words of one page; holds what PDFium's calls write into."""

    def __init__(self, page: Any, text: Any) -> None:
        import pypdfium2.raw as pdfium

        self.pdfium = pdfium
        self.text = text
        self.rect = pdfium.FS_RECTF()
        self.matrix = pdfium.FS_MATRIX()
        self.origin = ctypes.c_double(), ctypes.c_double()
        self.name = ctypes.create_string_buffer(256)
        self.flags = ctypes.c_int()
        self.width, self.height = page.get_size()
        self.to_page = _transform(pdfium, page, self.width, self.height)
        self.bold: dict[bytes, bool] = {}

    def words(self) -> list[Word]:
        """Return the words in the order in which the page draws them."""
        pdfium, text, rect = self.pdfium, self.text, self.rect
        unicode_at, box_at = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetLooseCharBox
        found: list[Word] = []
        run: list[str] = []
        word: Word | None = None
        left = bottom = right = top = edge = base = gap = 0.0
        slant = 0.0
        turn = 0
        spaced = True
        for i in range(max(pdfium.FPDFText_CountChars(text), 0)):
            code = unicode_at(text, i)
            if code in _SPACES:
                spaced = spaced or not (turn == _SLANTED and code in _BREAKS)
                continue
            if code in _IGNORED or not box_at(text, i, rect):
                continue
            x0, y0, x1, y1 = rect.left, rect.bottom, rect.right, rect.top
            if turn == 0:
                start, end, foot = x0, x1, y0
            else:
                start, end, foot = _along(turn, x0, y0, x1, y1)
            if turn == _SLANTED:  # boxes of slanting letters lie over each other
                follows = self._slants(i, slant) and -4 * gap < start - edge < gap
            else:
                follows = abs(foot - base) < gap / 4 and -gap < start - edge < gap
            if word and not spaced and follows:
                left, bottom = min(left, x0), min(bottom, y0)
                right, top = max(right, x1), max(top, y1)
            else:
                if word:
                    self._finish(word, run, (left, bottom, right, top), found)
                word = self._begin(i, spaced)
                turn = word.turn
                slant = pdfium.FPDFText_GetCharAngle(text, i) if turn == _SLANTED else 0.0
                start, end, foot = _along(turn, x0, y0, x1, y1)
                run, base, gap = [], foot, _GAP * word.size
                left, bottom, right, top = x0, y0, x1, y1
            edge, spaced = end, False
            run.append("-" if code in _HYPHENS else _character(code))
        if word:
            self._finish(word, run, (left, bottom, right, top), found)
        return found

    def _slants(self, i: int, slant: float) -> bool:
        return bool(abs(self.pdfium.FPDFText_GetCharAngle(self.text, i) - slant) < 0.01)  # radians

    def _begin(self, i: int, spaced: bool) -> Word:
        pdfium, matrix = self.pdfium, self.matrix
        size = pdfium.FPDFText_GetFontSize(self.text, i)
        a, b = 1.0, 0.0
        if pdfium.FPDFText_GetMatrix(self.text, i, matrix):
            a, b = matrix.a, matrix.b
            size *= math.hypot(matrix.c, matrix.d) or 1.0
        pdfium.FPDFText_GetCharOrigin(self.text, i, *self.origin)
        pdfium.FPDFText_GetFontInfo(self.text, i, self.name, 256, self.flags)
        font = self.name.value
        if font not in self.bold:
            weight = pdfium.FPDFText_GetFontWeight(self.text, i)
            self.bold[font] = weight >= 600 or bool(_BOLD.search(font)) or bool(self.flags.value & 1 << 18)
        y = self.origin[1].value if abs(b) <= abs(a) else self.origin[0].value
        return Word(
            "", 0.0, 0.0, y, min(max(size, 0.5), 1000.0), self.bold[font], (0, 0, 0, 0), _turn(a, b), spaced
        )

    def _finish(
        self, word: Word, run: list[str], place: tuple[float, float, float, float], found: list[Word]
    ) -> None:
        """Bring the word from the page's own coordinates to those it is seen in."""
        a, b, c, d, e, f = self.to_page
        left, bottom, right, top = place
        xs = a * left + c * bottom + e, a * right + c * top + e
        ys = b * left + d * bottom + f, b * right + d * top + f
        word.box = x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
        if word.turn == _SLANTED:
            word.x0, word.x1, word.y = x0, x1, y1
        else:
            upright = word.turn in (0, 2)
            x, y = (left, word.y) if upright else (word.y, bottom)
            base_x, base_y = a * x + c * y + e, b * x + d * y + f
            dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))[word.turn]
            word.turn = (0, 3, 2, 1)[_quarter(a * dx + c * dy, b * dx + d * dy)]
            word.x0, word.x1, word.y = (
                (x0, x1, base_y),
                (-y1, -y0, base_x),
                (-x1, -x0, -base_y),
                (y0, y1, -base_x),
            )[word.turn]
        word.text = _paired("".join(run))
        if all(math.isfinite(value) and abs(value) < 1e6 for value in (word.x0, word.x1, word.y, *word.box)):
            found.append(word)


def _along(turn: int, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float]:
    """Return start, end and foot of a character's box in the direction of its line."""
    if turn == 1:
        return y0, y1, -x1
    if turn == 2:
        return -x1, -x0, -y1
    if turn == 3:
        return -y1, -y0, x0
    return x0, x1, y0


def _turn(a: float, b: float) -> int:
    if abs(b) < 0.02 * abs(a):
        return 0 if a > 0 else 2
    if abs(a) < 0.02 * abs(b):
        return 1 if b > 0 else 3
    return _SLANTED


def _quarter(dx: float, dy: float) -> int:
    """Return the quarter turn, with the clock, of a direction on the page, where y runs down."""
    if abs(dx) >= abs(dy):
        return 0 if dx > 0 else 2
    return 1 if dy > 0 else 3


def _transform(pdfium: Any, page: Any, width: float, height: float) -> tuple[float, ...]:
    """Return the affine map (a, b, c, d, e, f) from the page's own coordinates to points from its top left.

    x' = a x + c y + e and y' = b x + d y + f, as in the PDF standard; the page's rotation is in it.
    """
    scale = 1000  # PDFium answers in whole device pixels
    size = int(width * scale), int(height * scale)

    def at(x: float, y: float) -> tuple[float, float]:
        device_x, device_y = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, device_x, device_y)
        return device_x.value / scale, device_y.value / scale

    (e, f), (ax, ay), (cx, cy) = at(0, 0), at(100, 0), at(0, 100)
    return (ax - e) / 100, (ay - f) / 100, (cx - e) / 100, (cy - f) / 100, e, f


def _character(code: int) -> str:
    return chr(code) if code < 0x110000 else "\ufffd"


def _paired(text: str) -> str:
    """Join surrogate pairs, and replace what cannot be encoded."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

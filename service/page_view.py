"""A page of a document as the page shows it: a picture, and where the marked places lie on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.boxes import Box, Boxes
from ingest.types import Span
from service.source_view import merge


@dataclass(frozen=True, slots=True)
class PageView:
    """Page `number` of `count`, its size in points, and the boxes of the marked places on it.

    `marked` are all the pages that hold a marked place.
    """

    number: int
    count: int
    width: float
    height: float
    boxes: tuple[Box, ...]
    marked: tuple[int, ...]


def view_page(boxes: Boxes, spans: Iterable[Span], number: int | None = None) -> PageView:
    """Lay out page `number`, or else the first with a marked place. Raises ValueError for no such page."""
    found = [box for span in merge(spans) for box in boxes.of(span)]
    count = len(boxes.sizes)
    if number is None:
        number = found[0].page if found else 1
    if not 1 <= number <= count:
        raise ValueError(f"there is no page {number} in a document of {count} pages")
    width, height = (side / 10 for side in boxes.sizes[number - 1].tolist())
    on_page = tuple(box for box in found if box.page == number)
    return PageView(number, count, width, height, on_page, tuple(sorted({box.page for box in found})))

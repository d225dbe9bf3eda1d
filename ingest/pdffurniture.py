"""Running heads, running feet and page numbers: lines at the edge of page after page that are not its text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.pdflayout import Line

_EDGE = 0.14  # of the height of the page
_STACK = 3  # lines a head or foot may have
_SET_OFF = 1.45  # em between a running head and the text
_SAME_HEIGHT = 8.0  # points
_REPEATS = 3
_DIGITS = re.compile(r"\d+")
_PAGE = re.compile(
    r"(?:(?:page|seite|p\.?)\s*)?[-–—|\[(]?\s*(\d{1,4}|[ivxlc]{1,7})\s*[-–—|\])]?", re.IGNORECASE
)
_PAGE_OF = re.compile(r"(?:page\s+)?\d{1,4}\s*(?:of|/)\s*\d{1,4}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Edge:
    page: int
    line: int
    top: bool
    height: float  # of its baseline, from that edge of the page
    text: str


def find_furniture(pages: Sequence[Sequence[Line]], heights: Sequence[float]) -> list[set[int]]:
    """Return, for each page of lines (top down), the indices of those that are running heads, feet or numbers.

    A line is one if it stands at the edge, set off from the text, and either comes again at the same height
    on other pages or counts the pages. What also stands in the midst of a page is text.
    """
    edges = [edge for page, lines in enumerate(pages) for edge in _edges(page, lines, heights[page])]
    inside = {
        _DIGITS.sub("#", line.text)
        for page, lines in enumerate(pages)
        for line in lines
        if _EDGE * heights[page] < line.y < (1 - _EDGE) * heights[page]
    }
    alike: dict[tuple[bool, str], list[_Edge]] = defaultdict(list)
    for edge in edges:
        alike[edge.top, _DIGITS.sub("#", edge.text)].append(edge)
    running = {
        (edge.page, edge.line)
        for (_, text), group in alike.items()
        for edge in group
        if _is_running(edge, group, text in inside, len(pages))
    }
    found: list[set[int]] = [set() for _ in pages]
    for page, lines in enumerate(pages):
        outside_in = range(len(lines)), range(len(lines) - 1, -1, -1)
        for order in outside_in:  # what is inside of a line of text is text
            for line in order:
                if (page, line) not in running:
                    break
                found[page].add(line)
    if all(len(lines) == len(marked) for lines, marked in zip(pages, found, strict=True)):
        return [set() for _ in pages]  # then it is the text
    return found


def _edges(page: int, lines: Sequence[Line], height: float) -> list[_Edge]:
    """Return the lines that may be heads or feet: outermost, near the edge, set off from what is inside.

    Of a page that ends early, the last line may be its number, wherever that stands.
    """
    found = []
    for top in (True, False):
        order = list(lines) if top else list(reversed(lines))
        stack: list[_Edge] = []
        off = 0
        for i, line in enumerate(order[:_STACK]):
            distance = line.y if top else height - line.y
            if distance > _EDGE * height and not (i == 0 and _PAGE.fullmatch(line.text)):
                break
            index = i if top else len(lines) - 1 - i
            stack.append(_Edge(page, index, top, distance, line.text))
            following = order[i + 1] if i + 1 < len(order) else None
            if following is None or abs(following.y - line.y) > _SET_OFF * max(following.size, line.size):
                off = len(stack)
        found.extend(stack[:off])
    return found


def _is_running(edge: _Edge, group: Sequence[_Edge], stands_inside: bool, pages: int) -> bool:
    if _PAGE_OF.fullmatch(edge.text):
        return True
    if _PAGE.fullmatch(edge.text):
        return len({other.page for other in group}) >= min(_REPEATS, max(pages, 2)) and _counts(edge, group)
    level = {other.page for other in group if abs(other.height - edge.height) <= _SAME_HEIGHT}
    return not stands_inside and len(level) >= _REPEATS


def _counts(edge: _Edge, group: Sequence[_Edge]) -> bool:
    """Say whether the numbers of `group` go up with the pages, and that of `edge` with them."""
    steps = [_step(other) for other in group]
    return 2 * steps.count(_step(edge)) >= len(steps)


def _step(edge: _Edge) -> int | None:
    """Return by how much the number of `edge` is ahead of its page; None for a Roman one."""
    match = _PAGE.fullmatch(edge.text)
    return int(match[1]) - edge.page if match and match[1].isdigit() else None

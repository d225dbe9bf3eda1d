"""Furniture of the page: running heads and page numbers, which are no part of the text."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise

from ingest.draft import RUNNING, Draft
from ingest.words import ending, goes_on

_LONGEST = 100
_PAGE = 800
_REACH = 8
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"[-–—|\[( ]*(?:page |p\.? ?)?(\d{1,4}|[ivxl]{1,6})(?: ?(?:of|/) ?\d{1,4})?[-–—|\]) .]*", re.IGNORECASE
)
HEAD = "a running head or foot of the page"
NUMBER = "a page number"


def drop_furniture(draft: Draft) -> None:
    """Drop what the reader knows as furniture, page numbers, and lines that interrupt again and again."""
    lines: defaultdict[str, list[int]] = defaultdict(list)
    numbers: list[int] = []
    for i, block in enumerate(draft.blocks):
        text = draft.texts[i]
        if block.kind == "furniture":
            draft.drop(i, HEAD)
        elif block.kind == "paragraph" and _PAGE_NUMBER.fullmatch(text):
            numbers.append(i)
        elif block.kind in ("paragraph", "heading") and len(text) <= _LONGEST and draft.kept(i):
            lines[_DIGITS.sub("0", text.casefold())].append(i)
    repeated = [places for places in lines.values() if len(places) >= 3]
    likely = {*numbers, *(i for places in repeated for i in places)}
    counting = _count_up(draft, numbers)
    for i in numbers:
        if counting or _interrupts(draft, i, likely):
            draft.drop(i, NUMBER)
    for places in repeated:
        if sum(_interrupts(draft, i, likely) for i in places) >= 2:
            for i in places:
                draft.drop(i, HEAD)


def _interrupts(draft: Draft, i: int, likely: set[int]) -> bool:
    """Say whether block `i` stands in the middle of a sentence."""
    before = _neighbour(draft, i, -1, likely)
    after = _neighbour(draft, i, 1, likely)
    if before is None or after is None:
        return False
    return ending(draft.texts[before]) != "closed" and goes_on(draft.texts[after])


def _neighbour(draft: Draft, i: int, step: int, likely: set[int]) -> int | None:
    for k in range(1, _REACH):
        j = i + k * step
        if not 0 <= j < len(draft.blocks):
            return None
        if draft.blocks[j].kind in RUNNING and j not in likely:
            return j
    return None


def _count_up(draft: Draft, numbers: list[int]) -> bool:
    """Say whether the numbers rise as pages do, with a page of text between them."""
    found = [_DIGITS.search(draft.texts[i]) for i in numbers]
    values = [int(match.group()) for match in found if match]
    if len(values) < 3 or len(values) < len(numbers):
        return False
    steady = sum(1 <= later - earlier <= 2 for earlier, later in pairwise(values))
    size = draft.blocks[numbers[-1]].start - draft.blocks[numbers[0]].start
    return steady >= 0.8 * (len(values) - 1) and size >= _PAGE * (len(values) - 1)

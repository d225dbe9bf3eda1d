"""How running text begins, goes on and ends: the small facts about words that a reader relies on."""

from __future__ import annotations

import re
from typing import Literal

Ending = Literal["closed", "abbreviated", "open"]

WORD = re.compile(r"\w+(?:[.'’‑-]\w+)*")
"""A word with its inner points, hyphens and apostrophes: `U.S`, `well-being`, `don't`."""

_CLOSERS = "\"'”’»)]}*_ \t\n\xa0"
_TERMINALS = frozenset(".!?…:;。！？：；—–―|")
_ABBREVIATED = re.compile(
    r"(?:\b[^\W\d_]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|Gen|Sen|Rep|Gov|No|Nos|vs|etc|cf|pp|e\.g|i\.e))\.\Z"
)
_REMARK = re.compile(r"(?<=[.!?…][\])\"”’]|.[.!?…])\s*(?:\[[^\]]{1,40}\]\s*)+\Z")
_ENUMERATED = re.compile(r"(?:[a-z]|[ivx]{1,4})[.)]\s|o\s+[A-Z]|(?:https?:|www\.)\S|\S*[_=(){}<>\\/@]\S")
_SENTENCE_END = re.compile(r"[^\W\d_]{3}[.!?][\"”’')\]]*\s+[\"“‘'(\[]*[^\W\d_a-z]")

DANGLING = frozenset(
    """a an the this these those my your his its our their every each no and or but nor as than that
    which who whom whose because although though while whereas if when where whether of in on at by for from to
    into onto with without within between among amongst through throughout across toward towards against about
    under over upon during via per including such is are was were be been being has have had do does did will
    would shall should can could may might must not
    el la los las un una de del y o que en con por para se le les des du et ou dans avec pour sur par au aux
    der die das den dem des ein eine einen einem einer und oder von zu zum zur mit auf bei nach im am""".split()
)
"""Words that hardly a sentence ends with."""

HANGING = frozenset(
    "a an the my your his its our their and or of to from with between de del la des der und".split()
)
"""Words that no sentence ends with, nor a line before a list or a formula."""

STARTING = DANGLING | frozenset(
    """he she it we they i you there here so then now thus also however moreover therefore although what how
    why some many most all both few one two three first second another finally""".split()
)
"""Words that sentences often begin with, so that they are no sign that one goes on."""


def ending(text: str) -> Ending:
    """Say whether `text` ends as a sentence does, with an abbreviation's point, or in the middle."""
    tail = _REMARK.sub("", text[-80:]).rstrip(_CLOSERS)
    if not tail or tail[-1] not in _TERMINALS:
        return "open"
    return "abbreviated" if tail[-1] == "." and _ABBREVIATED.search(tail) else "closed"


def goes_on(text: str) -> bool:
    """Say whether `text` begins as the middle of a sentence does: with a small letter, and not as an item."""
    head = text[:40].lstrip("\"'“‘«([*_ \xa0")
    if not head[:1].islower() or head[1:2].isupper():
        return False
    return _ENUMERATED.match(head) is None


def is_prose(text: str) -> bool:
    """Say whether `text` is running text, to tell a sentence without its end from a title or an address."""
    return _SENTENCE_END.search(text) is not None or len(WORD.findall(text, 0, 400)) >= 12


def last_word(text: str) -> str:
    """Return the last word of `text` in small letters."""
    words = WORD.findall(text[-60:])
    return words[-1].casefold() if words else ""


def trailing_fragment(text: str) -> str:
    """Return what follows the last complete sentence of `text`, all of it if none is complete."""
    at = 0
    for match in re.finditer(r"[.!?][\"”’')\]]*\s+", text):
        at = match.end()
    return text[at:]

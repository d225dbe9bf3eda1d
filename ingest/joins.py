"""Sentences that were cut: which paragraph goes on where.

A paragraph whose last sentence has no end is joined to one that begins in the middle of a sentence. Both ends
have to agree, and where the next paragraph begins with a capital, the text must give a reason of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest.draft import RUNNING, Draft
from ingest.phrases import Phrases
from ingest.words import HANGING, STARTING, WORD, ending, goes_on, is_prose, last_word, trailing_fragment

REACH = 6
"""How many paragraphs of running text may stand between the two parts of a sentence."""
_BLOCKS = 40
_BARRIERS = frozenset(("code", "title"))

ATTESTED = "the sentence goes on here: the document has these words together elsewhere"
LOWER = "the sentence goes on here: no end before, no beginning after"
DANGLES = "the sentence goes on here: none ends with the word before"
FRAGMENT = "the sentence goes on here: a fragment stood before the interruption"


@dataclass(frozen=True, slots=True)
class _Continuation:
    block: int
    passed: int


def join_sentences(draft: Draft, phrases: Phrases) -> None:
    """Join what an interruption cut: first where the words are attested, then the nearest, then the rest."""
    running = draft.running()
    endings = {i: ending(draft.texts[i]) for i in running}
    small = {i for i in running if goes_on(draft.texts[i])}
    if _is_a_style(running, endings, small):
        small = set()
    cut = [i for i in running if endings[i] != "closed"]
    whole = {i for i in cut if is_prose(draft.texts[i]) or _is_interrupted(draft, i)}
    cut = [i for i in cut if i in whole or i in small]
    no_abbreviation = [i for i in cut if endings[i] == "open"]
    _join_attested(draft, phrases, [i for i in no_abbreviation if i in whole], small)
    for reach in range(REACH):
        for i in cut if reach == 0 else no_abbreviation:
            if i in draft.following or not (i in whole or i in draft.preceding):
                continue  # another line of a list or a poem, which needs no end
            behind = (found for found in _after(draft, i, reach) if found.passed == reach)
            _join(draft, i, (found for found in behind if found.block in small), LOWER)
    for i in no_abbreviation:
        if i not in draft.following and (i in whole or i in draft.preceding):
            near = next(_after(draft, i, 0), None)
            if near and _is_next(draft, i, near.block):
                reason = _reason(draft, phrases, i, near.block)
                _join(draft, i, iter([near] if reason else []), reason or "")


def _join_attested(draft: Draft, phrases: Phrases, cut: list[int], small: set[int]) -> None:
    """Join where both runs of three words across the seam occur elsewhere, wherever it goes on."""
    for i in cut:
        near = [found.block for found in _after(draft, i, REACH) if found.block in small or not found.passed]
        behind = [j for j in range(max(i - REACH, 0), i) if j in small and draft.kept(j)]
        attested = [j for j in [*near, *behind] if _attested(draft, phrases, i, j) == 2]
        if len(attested) == 1:
            _join(draft, i, iter([_Continuation(attested[0], 0)]), ATTESTED)


def _is_interrupted(draft: Draft, i: int) -> bool:
    """Say whether a note or something that was dropped stands right behind block `i`."""
    following = i + 1
    return following < len(draft.blocks) and (
        draft.blocks[following].kind == "note" or not draft.kept(following)
    )


def _join(draft: Draft, i: int, candidates: Iterator[_Continuation], reason: str) -> None:
    """Join block `i` to the first candidate that nothing else goes on to."""
    for found in candidates:
        if found.block not in draft.preceding and draft.chain(found.block)[-1] != i:
            draft.join(i, found.block, reason)
            return


def _after(draft: Draft, i: int, reach: int) -> Iterator[_Continuation]:
    """Yield the blocks behind block `i` that may go on from it, with how much running text lies between."""
    passed, headings = 0, 0
    for j in range(i + 1, min(i + _BLOCKS, len(draft.blocks))):
        kind = draft.blocks[j].kind
        if kind in _BARRIERS or passed > reach or headings > 1:
            return
        if kind == "heading" and draft.kept(j):
            headings += 1
        elif kind in RUNNING and draft.kept(j):
            if _may_join(draft, i, j):
                yield _Continuation(j, passed)
            passed += 1


def _may_join(draft: Draft, i: int, j: int) -> bool:
    """Say whether the kinds of the two blocks allow one to go on in the other."""
    first, second = draft.blocks[i], draft.blocks[j]
    if first.kind == second.kind:
        return first.kind != "list_item"
    interrupted = any(draft.blocks[k].kind == "note" or not draft.kept(k) for k in range(i + 1, j))
    return (
        first.kind == "list_item"
        and second.kind == "paragraph"
        and (interrupted or first.page != second.page)
    )


def _is_next(draft: Draft, i: int, j: int) -> bool:
    """Say whether nothing but notes and what was dropped stands between paragraphs `i` and `j`."""
    between = (k for k in range(i + 1, j) if draft.kept(k))
    return draft.blocks[j].kind == "paragraph" and all(draft.blocks[k].kind == "note" for k in between)


def _reason(draft: Draft, phrases: Phrases, i: int, j: int) -> str | None:
    """Return why paragraph `j`, which may begin a sentence, goes on from `i`, if it does."""
    if goes_on(draft.texts[j]):
        return None  # small letters tell nothing in this document, or they would have been joined
    before = draft.texts[i].rstrip()
    if before[-1].isalpha() and last_word(before) in HANGING:
        return DANGLES
    if not is_prose(draft.texts[j]):
        return None
    first = WORD.search(draft.texts[j])
    if first and first.group().casefold() not in STARTING and _attested(draft, phrases, i, j):
        return ATTESTED
    fragment = trailing_fragment(before)
    interrupted = any(not draft.kept(k) for k in range(i + 1, j))
    if interrupted and fragment != before and len(WORD.findall(fragment)) <= 2:
        return FRAGMENT
    return None


def _attested(draft: Draft, phrases: Phrases, i: int, j: int) -> int:
    """Return how many of the two runs of three words across the seam occur in the document."""
    before = WORD.findall(draft.texts[i][-80:])[-2:]
    after = WORD.findall(draft.texts[j][:80])[:2]
    if len(before) < 2 or len(after) < 2:
        return 0
    return (phrases.count([*before, after[0]]) > 0) + (phrases.count([before[1], *after]) > 0)


def _is_a_style(running: list[int], endings: Mapping[int, str], small: set[int]) -> bool:
    """Say whether paragraphs begin with small letters as a matter of style, so that it tells nothing."""
    unexplained = 0
    open_before = -REACH
    for k, i in enumerate(running):
        if i in small and k - open_before > REACH:
            unexplained += 1
        if endings[i] != "closed":
            open_before = k
    return unexplained >= 3 and 3 * unexplained > len(small)

"""Pull-quotes: paragraphs that repeat the body, word for word or nearly, and often interrupt it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from ingest.draft import RUNNING, Draft
from ingest.phrases import Phrases
from ingest.words import ending, goes_on, is_prose

REACH = 1500
"""How many words away the body may be that a pull-quote repeats: two pages or so."""
_BLOCKS = 10
_SHORTEST, _LONGEST = 6, 120
_COVERED = 0.4
_IN_A_CUT, _ELSEWHERE = 0.5, 0.9
_LONG_RUN = 5
_LONGER = 1.25
_PARAGRAPH = 20_000


def find_quotes(draft: Draft, phrases: Phrases) -> list[int]:
    """Return the pull-quotes of `draft`, which are hidden from then on.

    In the middle of a cut sentence, half of the words have to stand in the body, since columns may have bled
    into each other; elsewhere nearly all, in one paragraph that says more.
    """
    quotes = []
    for i, share in _candidates(draft, phrases):
        before = _running_beside(draft, i, -1)
        if before is not None and _is_cut(draft, before):
            if _repeats_around(draft, i, before):
                quotes.append(i)
                draft.hide(i)
        elif share >= _ELSEWHERE and draft.blocks[i].kind == "paragraph" and _repeats_part(draft, i):
            quotes.append(i)
            draft.hide(i)
    return quotes


def shared_runs(quote: Sequence[str], body: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (place in `quote`, place in `body`, length) of the runs of words that both have, in order."""
    matcher = SequenceMatcher(None, body, quote, autojunk=False)
    return [(match.b, match.a, match.size) for match in matcher.get_matching_blocks() if match.size]


def _candidates(draft: Draft, phrases: Phrases) -> list[tuple[int, float]]:
    """Return the blocks of fitting length whose words stand nearby too, with the share that does."""
    covered = np.concatenate([[0], np.cumsum(phrases.near_repeats(REACH))])
    sizes = np.diff(phrases.starts) - 1
    shares = (covered[phrases.starts[1:] - 1] - covered[phrases.starts[:-1]]) / np.maximum(sizes, 1)
    likely = np.flatnonzero((sizes >= _SHORTEST) & (sizes <= _LONGEST) & (shares >= _COVERED))
    return [(int(i), float(shares[i])) for i in likely if draft.kept(int(i)) and _may_be_quote(draft, int(i))]


def _may_be_quote(draft: Draft, i: int) -> bool:
    kind = draft.blocks[i].kind
    return kind in ("paragraph", "quote") or (kind == "heading" and ending(draft.texts[i]) == "closed")


def _is_cut(draft: Draft, i: int) -> bool:
    """Say whether the last sentence of block `i` has no end."""
    text = draft.texts[i]
    return ending(text) == "open" and (is_prose(text) or goes_on(text))


def _repeats_around(draft: Draft, i: int, before: int) -> bool:
    """Say whether block `i`, behind unfinished block `before`, repeats the text and does not go on from it."""
    around = nearby(draft, i)
    after = _running_beside(draft, i, 1)
    goes_on_behind = after is not None and goes_on(draft.texts[after])
    if _shared(draft, i, around) < (_IN_A_CUT if goes_on_behind else _ELSEWHERE):
        return False
    if not any(_run(draft, i, j) >= _LONG_RUN for j in around):
        return False
    if not goes_on(draft.texts[i]):
        return True
    # A quote with a stray line before it. What goes on from `before` repeats neither that nor what follows.
    repeated = next((j for j in around if j > i and goes_on(draft.texts[j])), None)
    if repeated is None:
        return False
    run = _run(draft, i, repeated)
    return run >= 2 * _LONG_RUN or (run >= _LONG_RUN and _run(draft, i, before) >= _LONG_RUN)


def _repeats_part(draft: Draft, i: int) -> bool:
    """Say whether a longer paragraph nearby, under the same headings, says nearly all that block `i` says."""
    if goes_on(draft.texts[i]) or len(draft.words(i).texts) < 2 * _SHORTEST:
        return False
    size, path = _LONGER * len(draft.texts[i]), draft.paths[i]
    longer = (j for j in nearby(draft, i) if len(draft.texts[j]) >= size and draft.paths[j] == path)
    return any(_shared(draft, i, [j]) >= _ELSEWHERE for j in longer)


def nearby(draft: Draft, i: int) -> list[int]:
    """Return the paragraphs around block `i` that share more than a run of three words with it."""
    around = range(max(i - _BLOCKS, 0), min(i + _BLOCKS + 1, len(draft.blocks)))
    return [
        j
        for j in around
        if j != i
        and draft.kept(j)
        and draft.blocks[j].kind in RUNNING
        and len(draft.texts[j]) <= _PARAGRAPH
        and len(draft.threes(i) & draft.threes(j)) > 1
    ]


def _shared(draft: Draft, i: int, body: Sequence[int]) -> float:
    """Return the share of the words of block `i` that stand in `body` in order, two or more in a row."""
    quote = draft.words(i).texts
    runs = shared_runs(quote, [word for j in body for word in draft.words(j).texts])
    return sum(size for _, _, size in runs if size > 1) / len(quote)


def _run(draft: Draft, i: int, j: int) -> int:
    """Return the length in words of the longest run that two blocks share."""
    runs = shared_runs(draft.words(i).texts, draft.words(j).texts)
    return max((size for _, _, size in runs), default=0)


def _running_beside(draft: Draft, i: int, step: int) -> int | None:
    """Return the next block of running text before (-1) or after (1) block `i`."""
    for k in range(1, _BLOCKS):
        j = i + k * step
        if not 0 <= j < len(draft.blocks):
            return None
        if draft.kept(j) and draft.blocks[j].kind in RUNNING:
            return j
    return None

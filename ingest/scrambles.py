"""Columns that bled into each other where a pull-quote stood between them.

The converter read across two columns, so that a line of the body stands in the pull-quote, or the
pull-quote's last line in the body. Since the pull-quote repeats the body, its clean copy tells which words are
astray. What has one place that the document attests goes there; what has none is set aside, and the sentences
it was torn from are marked as suspect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.draft import Copy, Draft, source_range
from ingest.phrases import Phrases
from ingest.pieces import cut, space_at, with_quality
from ingest.pullquotes import nearby, shared_runs
from ingest.sentences import split_sentences
from ingest.types import Piece, Quality, Span
from ingest.words import DANGLING, WORD, ending

REPEATS = "a pull-quote: it repeats the text"
TAIL = "the end of the pull-quote, astray in the text"
PLACED = "a line of the text that had strayed into the pull-quote"
TORN = "words of this sentence are astray in the pull-quote"
ASTRAY = "a line that strayed from its sentence; its place is not certain"

_LONGEST_TAIL = 15
_ASIDE = 3


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a paragraph: in small letters, and where it stands in the text of which block."""

    text: str
    block: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Stray:
    """Words `start:end` of a pull-quote that the body's copy of it lacks."""

    start: int
    end: int
    certain: bool


def untangle(draft: Draft, phrases: Phrases, quotes: Sequence[int]) -> None:
    """Sort out each of `quotes` against the paragraph it repeats, and record it as left out."""
    for quote in quotes:
        shared: defaultdict[Sequence[int], int] = defaultdict(int)
        for i in nearby(draft, quote):
            shared[tuple(draft.chain(i))] += len(draft.threes(quote) & draft.threes(i))
        if shared:
            _Knot(draft, phrases, quote, max(shared, key=lambda chain: shared[chain])).untie()
        else:
            draft.drop(quote, REPEATS)


class _Knot:
    """A pull-quote, the paragraph (a chain of blocks) that it repeats, and the work of parting them."""

    def __init__(self, draft: Draft, phrases: Phrases, quote: int, chain: Sequence[int]) -> None:
        self.draft, self.phrases, self.quote, self.chain = draft, phrases, quote, chain
        self.words = _words(draft, [quote])
        before = [block for block in chain if block < quote]
        self.torn = max(before) if before else None  # the block whose lines may have strayed
        self.placed: list[Span] = []
        self._alignment: tuple[list[_Word], list[tuple[int, int, int]]] | None = None

    def untie(self) -> None:
        """Part quote and paragraph, and record what repeats what."""
        self._drop_tail()
        self._set_line_aside()
        tried: set[_Stray] = set()
        while stray := next((stray for stray in self._strays() if stray not in tried), None):
            tried.add(stray)  # what is put back changes what else is astray
            self._put_back(stray)
        body, runs = self._aligned()
        long = [run for run in runs if run[2] > 1] or runs
        source = source_range(self.draft.blocks[self.quote].pieces)
        if long:
            first, last = body[long[0][1]], body[long[-1][1] + long[-1][2] - 1]
            start, end = self._source(first.block, first.start), self._source(last.block, last.end - 1) + 1
            self.draft.copies.append(Copy(start, end, source))
        self.draft.drop(self.quote, REPEATS, but=self.placed)

    def _aligned(self) -> tuple[list[_Word], list[tuple[int, int, int]]]:
        """Return the words of the paragraph as it is now, and the runs that the pull-quote shares with it."""
        if self._alignment is None:
            body = _words(self.draft, self.chain)
            runs = shared_runs([word.text for word in self.words], [word.text for word in body])
            self._alignment = body, runs
        return self._alignment

    def _repiece(self, block: int, pieces: Sequence[Piece]) -> None:
        self.draft.repiece(block, pieces)
        self._alignment = None

    def _drop_tail(self) -> None:
        """Drop the end of the pull-quote where it stands astray: a sentence's end inside another."""
        body, runs = self._aligned()
        text = self.draft.texts[self.quote]
        if not runs or ending(text) != "open" or runs[-1][0] + runs[-1][2] != len(self.words):
            return
        at = runs[-1][1] + runs[-1][2]
        tail = self._to_sentence_end(body, at)
        for p in range(len(body) - len(tail)) if len(tail) > 1 else ():
            found = body[p : p + len(tail)]
            if (
                p != at
                and [word.text for word in found] == tail
                and self._misfits(found, body[p + len(tail)])
            ):
                block, start, end = found[0].block, found[0].start, body[p + len(tail)].start
                pieces, size = self.draft.blocks[block].pieces, len(self.draft.texts[block])
                gone = cut(pieces, start, end)
                self._repiece(block, (*cut(pieces, 0, start), *cut(pieces, end, size)))
                self.draft.record("drop", source_range(gone), TAIL)
                return

    def _to_sentence_end(self, body: list[_Word], at: int) -> list[str]:
        for k in range(at, min(at + _LONGEST_TAIL, len(body))):
            if self._behind(body[k])[:1] in (".", "!", "?"):
                return [word.text for word in body[at : k + 1]]
        return []

    def _misfits(self, found: list[_Word], following: _Word) -> bool:
        """Say whether a sentence ends with `found` and yet goes on in small letters behind it."""
        same = all(word.block == following.block for word in found)
        text = self.draft.texts[following.block]
        return same and self._behind(found[-1])[:1] in (".", "!", "?") and text[following.start].islower()

    def _behind(self, word: _Word) -> str:
        return self.draft.texts[word.block][word.end : word.end + 2]

    def _set_line_aside(self) -> None:
        """Set aside a fragment between a sentence's end and the sentence that the pull-quote begins with."""
        body, runs = self._aligned()
        if not runs or runs[0][0] > 0 or runs[0][2] < 3:
            return
        first = body[runs[0][1]]
        text = self.draft.texts[first.block]
        start = max(text.rfind(mark, 0, first.start) for mark in (". ", "! ", "? ")) + 2
        fragment = text[start : first.start].strip()
        if start < 2 or not fragment[:1].islower() or not 1 < len(WORD.findall(fragment)) <= _LONGEST_TAIL:
            return
        pieces = self.draft.blocks[first.block].pieces
        self.draft.doubt(first.block, *self._sentence_before(first.block, start), TORN)
        pieces = self.draft.blocks[first.block].pieces
        self._repiece(first.block, (*cut(pieces, 0, start), *cut(pieces, first.start, len(text))))
        self.draft.set_aside(first.block, cut(pieces, start, start + len(fragment)), ASTRAY)

    def _sentence_before(self, block: int, at: int) -> tuple[int, int]:
        spans = list(split_sentences(self.draft.texts[block], 0, at))
        return (spans[-1].start, spans[-1].end) if spans else (0, at)

    def _strays(self) -> list[_Stray]:
        """Return the pull-quote's words that the body lacks: before it, then within it, longest first."""
        _, runs = self._aligned()
        text = self.draft.texts[self.quote]
        strays = []
        first = next((run[0] for run in runs if run[2] >= _ASIDE), 0)
        if first and text[self.words[0].start].islower() and text[self.words[first].start].isupper():
            strays.append(_Stray(0, first, True))
        inside = [
            _Stray(quote + size, next_quote, self._twin(quote + size, next_quote))
            for (quote, place, size), (next_quote, next_place, next_size) in pairwise(runs)
            if place + size == next_place and quote + size < next_quote and max(size, next_size) >= _ASIDE
        ]
        return strays + sorted(inside, key=lambda stray: stray.start - stray.end)

    def _twin(self, start: int, end: int) -> bool:
        """Say whether the pull-quote has words `start:end` twice, which are more than particles."""
        texts = [word.text for word in self.words]
        wanted = texts[start:end]
        if all(word in DANGLING for word in wanted):
            return False
        size = end - start
        return any(
            texts[p : p + size] == wanted for p in range(len(texts) - size + 1) if abs(p - start) >= size
        )

    def _put_back(self, stray: _Stray) -> None:
        """Put a stray where it belongs, if that is known, and doubt what it was torn from where it is not."""
        if self.torn is None:
            return
        body = _words(self.draft, [self.torn])
        scores = self._scores(stray, body, attested=True)
        places = [p for p, score in enumerate(scores) if score > 0]
        if len(places) == 1 and scores[places[0]] >= 2:
            self._insert(stray, body, places[0], "repaired")
            return
        if not stray.certain:
            return
        weak = scores if places else self._scores(stray, body, attested=False)
        if stray.end - stray.start >= _ASIDE:
            weak = [score + 2 * _torn_at(body, p) if score else 0 for p, score in enumerate(weak)]
        best = max(weak, default=0)
        if best and weak.count(best) == 1:
            at = self._insert(stray, body, weak.index(best), "suspect")
            self._doubt(at, at)
        else:
            if stray.end - stray.start >= _ASIDE:
                self._set_aside(stray)
            self._doubt_copied(and_before=stray.start == 0)

    def _scores(self, stray: _Stray, body: list[_Word], attested: bool) -> list[int]:
        """Return for each place before a word of `body` how well the stray fits there.

        That is the number of runs across its two seams that stand elsewhere: of three words in the document,
        or (not `attested`) of two words in this paragraph and its pull-quote. Where the body stands elsewhere
        as it is, nothing fits.
        """
        texts = [word.text for word in body]
        mine = [word.text for word in self.words]
        own = mine[max(stray.start - 2, 0) : stray.start], mine[stray.end : stray.end + 2]
        inner = mine[stray.start : stray.end]
        around = _words(self.draft, self.chain) if not attested else []
        pairs = {pair for row in ([w.text for w in around], mine) for pair in _pairs(row)}
        pairs -= {*_pairs([*own[0][-1:], inner[0]]), *_pairs([inner[-1], *own[1][:1]])}
        scores = []
        for p in range(len(texts) + 1):
            before, after = texts[max(p - 2, 0) : p], texts[p : p + 2]
            standing = list(_threes([*before, *after]))
            if any(self.phrases.count(three) > 1 for three in standing):
                scores.append(0)
            elif attested:
                here = [*standing, *_seams(*own, inner)]
                seams = _seams(before, after, inner)
                scores.append(sum(self.phrases.count(three) > here.count(three) for three in seams))
            else:
                joints = [*_pairs([*before[-1:], inner[0]]), *_pairs([inner[-1], *after[:1]])]
                scores.append(sum(pair in pairs for pair in joints))
        return scores

    def _insert(self, stray: _Stray, body: list[_Word], place: int, quality: Quality) -> int:
        pieces = self._pieces(stray)
        block = body[0].block
        own, size = self.draft.blocks[block].pieces, len(self.draft.texts[block])
        at = body[place].start if place < len(body) else size
        source = source_range(pieces)
        inserted = with_quality(pieces, quality)
        if place < len(body):
            inserted = (*inserted, space_at(source.end))
        else:
            inserted = (space_at(source.start), *inserted)
        self._repiece(block, (*cut(own, 0, at), *inserted, *cut(own, at, size)))
        self.draft.record("move", source, PLACED)
        self.placed.append(source)
        return at

    def _set_aside(self, stray: _Stray) -> None:
        assert self.torn is not None
        pieces = self._pieces(stray)
        self.draft.set_aside(self.torn, pieces, ASTRAY)
        self.placed.append(source_range(pieces))

    def _pieces(self, stray: _Stray) -> tuple[Piece, ...]:
        start, end = self.words[stray.start].start, self.words[stray.end - 1].end
        return cut(self.draft.blocks[self.quote].pieces, start, end)

    def _doubt_copied(self, and_before: bool) -> None:
        """Doubt the sentences that the pull-quote repeats from the block before it, and the one before those."""
        assert self.torn is not None
        body, runs = self._aligned()
        copied = [body[place] for _, place, size in runs if size > 1 and body[place].block == self.torn]
        start = copied[0].start if copied else len(self.draft.texts[self.torn])
        sentences = list(split_sentences(self.draft.texts[self.torn], 0, start)) if and_before else []
        self._doubt(sentences[-1].start if sentences else start, len(self.draft.texts[self.torn]))

    def _doubt(self, start: int, end: int) -> None:
        """Mark the sentences at `start:end` of the block before the pull-quote as suspect, to their very end."""
        assert self.torn is not None
        text = self.draft.texts[self.torn]
        for span in split_sentences(text):
            if span.start <= end and start <= span.end:
                self.draft.doubt(self.torn, span.start, span.end, TORN)
        following = self.draft.following.get(self.torn)
        if following is not None and end >= len(text):
            first = next(split_sentences(self.draft.texts[following]))
            self.draft.doubt(following, first.start, first.end, TORN)

    def _source(self, block: int, at: int) -> int:
        return cut(self.draft.blocks[block].pieces, at, at + 1)[0].start


def _words(draft: Draft, blocks: Sequence[int]) -> list[_Word]:
    return [
        _Word(text, i, start, end)
        for i in blocks
        for words in [draft.words(i)]
        for text, start, end in zip(words.texts, words.starts, words.ends, strict=True)
    ]


def _threes(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(words, words[1:], words[2:], strict=False)


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each two words in a row, without a plural's s."""
    bare = [word.removesuffix("s") for word in words]
    return pairwise(bare)


def _seams(before: Sequence[str], after: Sequence[str], inner: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the runs of three words that lie across either end of `inner`."""
    whole = [*before, *inner, *after]
    first, last = len(before), len(before) + len(inner)
    return [three for p, three in enumerate(_threes(whole)) if p < first < p + 3 or p < last < p + 3]


def _torn_at(body: list[_Word], place: int) -> bool:
    """Say whether a doubled word shows that a line is missing before word `place`."""
    return place >= 2 and body[place - 1].text == body[place - 2].text

"""Whether a sentence says no more than the quotations that it cites: a deterministic check without a model.

A sentence is supported when all of this holds:
1. each of its content words stands in a quotation, as a stem; numbers, names (capitalised words that do not begin it)
   and words of code stand there as they are;
2. the words that turn a statement round or limit it (not, only, may, unless ...) are the same ones in the sentence and in
   the quoted sentence nearest to it;
3. at least `ORDERED` of its content words stand in the quotations in the same order: who did what to whom.

What it lets through is close to a quotation. What it cannot see is a statement put together from words of two
quoted sentences in their order; what it drops without need is a free paraphrase. The words of rule 2 are English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from index.lexical import terms
from ingest.sentences import split_sentences

ORDERED = 0.8
_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_][\w'’-]*|_\w+")
_NUMBER_WORDS = frozenset(
    "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million billion half twice double third quarter dozen none zero".split()
)
_TELLING = frozenset(
    "not no never neither nor without cannot may might could would should must only unless except if least most almost "
    "nearly about up over under before after until".split()
)


def is_supported(sentence: str, quotations: Sequence[str]) -> bool:
    """Return whether `quotations` together say what `sentence` says."""
    quoted = " ".join(quotations)
    stems, held = _stems(sentence), _stems(quoted)
    if not stems or not set(stems) <= set(held):
        return False
    if not _exact(sentence) <= {word.casefold() for word in _words(quoted)}:
        return False
    if _telling(sentence) != _telling(_nearest(sentence, quoted)):
        return False
    return _in_order(stems, held) >= ORDERED * len(stems)


def _stems(text: str) -> list[str]:
    """Return the stems of the content words in order, each as often as it stands there."""
    return [stem for word in _words(text) for stem in terms(word)]


def _words(text: str) -> list[str]:
    """Return words and numbers in order, without a possessive `'s`; `n't` and `cannot` as a word and `not`."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    plain = re.sub(r"\b(can)not\b|\b(\w+)n't\b", r"\1\2 not", plain)
    return _TOKEN.findall(re.sub(r"'s\b", "", plain))


def _exact(sentence: str) -> set[str]:
    """Return what has to stand in the quotations as it is: numbers, names and words of code, in small letters."""
    words = _words(sentence)
    return {
        word.casefold()
        for place, word in enumerate(words)
        if word[0].isdigit()
        or word.casefold() in _NUMBER_WORDS
        or "_" in word
        or any(letter.isupper() for letter in (word if place else word[1:]))
    }


def _telling(text: str) -> set[str]:
    return {word.casefold() for word in _words(text)} & _TELLING


def _nearest(sentence: str, quoted: str) -> str:
    """Return the sentence of `quoted` that shares the most stems with `sentence`."""
    asked = set(terms(sentence))
    spans = [quoted[span.start : span.end] for span in split_sentences(quoted)]
    return max(spans, key=lambda text: len(asked & set(terms(text))), default="")


def _in_order(wanted: Sequence[str], held: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    best = [0] * (len(held) + 1)
    for stem in wanted:
        diagonal = 0
        for place, other in enumerate(held, start=1):
            above = best[place]
            best[place] = diagonal + 1 if stem == other else max(above, best[place - 1])
            diagonal = above
    return best[-1]

"""Text for an index of any size, with answers planted in it: for measuring growth, not quality."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from index.types import Embedder, Progress, Vectors

PARAGRAPHS = 100
"""Of a document; each is about as long as a passage may be."""
PARAGRAPH_CHARACTERS = 740
PLANTED = 50
_KINDS = ("lighthouse", "observatory", "aqueduct", "archive", "printing house", "botanical garden", "theatre")
_SYLLABLES = (
    "bel",
    "dra",
    "fen",
    "gor",
    "hal",
    "kor",
    "lun",
    "mir",
    "nor",
    "osk",
    "pel",
    "rud",
    "sav",
    "tor",
    "vel",
)
_POOL_SENTENCES = 60_000
_MIXED = 3


@dataclass(frozen=True, slots=True)
class Planted:
    """A question and the sentence, in one of the documents, that answers it."""

    question: str
    sentence: str


def planted() -> list[Planted]:
    """Return facts about places and people that are named nowhere else."""
    chance = random.Random(5)  # noqa: S311

    def name(syllables: int) -> str:
        return "".join(chance.choice(_SYLLABLES) for _ in range(syllables)).capitalize()

    facts = []
    for number in range(PLANTED):
        kind, place = _KINDS[number % len(_KINDS)], f"{name(3)}ia"
        sentence = f"The {kind} of {place} was designed by {name(2)} {name(3)} in {1700 + 5 * number}."
        facts.append(Planted(f"Who designed the {kind} of {place}?", sentence))
    return facts


class Writer:
    """Writes documents of random sentences (Markov chains over pairs of words) after some real text."""

    def __init__(self, texts: Sequence[str]) -> None:
        words = [word for text in texts for word in text.split()]
        follows: dict[tuple[str, str], list[str]] = defaultdict(list)
        for first, second, third in zip(words, words[1:], words[2:], strict=False):
            follows[first, second].append(third)
        chance = random.Random(1)  # noqa: S311
        starts = [pair for pair in follows if pair[0][0].isupper()]
        self._sentences = [_sentence(chance, starts, follows) for _ in range(_POOL_SENTENCES)]
        self._facts = planted()

    def document(self, number: int, facts: Sequence[Planted] = ()) -> str:
        """Return the document with this number, always the same, with `facts` among its sentences."""
        chance = random.Random(number)  # noqa: S311
        paragraphs = [self._paragraph(chance) for _ in range(PARAGRAPHS)]
        for fact in facts:
            place = chance.randrange(PARAGRAPHS)
            first, dot, rest = paragraphs[place].partition(". ")
            paragraphs[place] = f"{first}{dot}{fact.sentence} {rest}"
        return f"# Report {number}\n\n" + "\n\n".join(paragraphs)

    def _paragraph(self, chance: random.Random) -> str:
        sentences: list[str] = []
        length = 0
        while length < PARAGRAPH_CHARACTERS - 120:
            sentences.append(self._sentences[int(chance.random() * len(self._sentences))])
            length += len(sentences[-1]) + 1
        return " ".join(sentences)


def _sentence(
    chance: random.Random, starts: list[tuple[str, str]], follows: dict[tuple[str, str], list[str]]
) -> str:
    pair = chance.choice(starts)
    words = list(pair)
    for _ in range(chance.randint(10, 26)):
        pair = (pair[1], chance.choice(follows.get(pair) or ["and"]))
        words.append(pair[1])
    return " ".join(words).strip(".,;: ").replace(". ", " ") + "."


class MixingEmbedder:
    """Embeds the first `real` texts, and those with a planted fact; gives the others mixtures of what it has seen.

    A million passages through the model take hours. A mixture of a few real vectors is about as near to the
    others of its topic as a text is, so that search has the same work to do.
    """

    def __init__(self, embedder: Embedder, real: int) -> None:
        self.name = embedder.name
        self.dimension = embedder.dimension
        self._embedder = embedder
        self._real = real
        self._pool = np.empty((0, embedder.dimension), np.float32)
        self._facts = [fact.sentence for fact in planted()]
        self._chance = np.random.default_rng(2)

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """See `Embedder`."""
        left = max(self._real - len(self._pool), 0)
        real = [i for i, text in enumerate(texts) if i < left or any(fact in text for fact in self._facts)]
        vectors = np.empty((len(texts), self.dimension), np.float32)
        embedded = self._embedder.embed_passages([texts[i] for i in real], progress)
        if left:
            self._pool = np.concatenate([self._pool, embedded])[: self._real]
        mixed = np.setdiff1d(np.arange(len(texts)), real)
        vectors[real] = embedded
        vectors[mixed] = self._mixtures(len(mixed))
        return vectors

    def embed_question(self, text: str) -> Vectors:
        """See `Embedder`."""
        return self._embedder.embed_question(text)

    def _mixtures(self, count: int) -> Vectors:
        parts = self._chance.integers(0, max(len(self._pool), 1), (_MIXED, count))
        shares = self._chance.dirichlet((0.5,) * _MIXED, count).astype(np.float32)
        mixed = np.zeros((count, self.dimension), np.float32)
        for part, share in zip(parts, shares.T, strict=True):
            mixed += share[:, None] * self._pool[part]
        mixed += 0.03 * self._chance.standard_normal((count, self.dimension), np.float32)
        return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def spread(facts: Sequence[Planted], documents: int) -> Iterator[tuple[int, list[Planted]]]:
    """Yield the numbers of so many documents, with the facts that each holds: as evenly as they go."""
    for number in range(documents):
        yield number, [fact for i, fact in enumerate(facts) if i * documents // len(facts) == number]

"""Training examples for the reader: question, a window of sentences, which of them answer.

Every set that has only answered questions gets negatives of its own, so that the set does not give the label
away: the window without its evidence, a similar passage of the same set that lacks the answer, or the question
with one fact changed.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reader_rules import ask_otherwise, change_name, change_number, names_in, reword, spaced, spanish, typo

SHARES = {
    "own": 6.0,
    "squad2": 2.4,
    "qnli_dev": 0.7,
    "cast_answerability": 1.0,
    "trecqa": 0.3,
    "selqa": 1.5,
    "xquad_en": 1.0,
    "policyqa": 0.15,
    "pubmedqa": 0.4,
    "covidqa": 1.0,
    "multispanqa": 2.0,
    "qed_nq": 2.0,
    "nq_open_oracle": 2.0,
    "quoref_contrast": 0.5,
    "boolq_val": 1.0,
    "multirc": 0.3,
    "fairytaleqa": 0.3,
    "qamr": 0.3,
    "friendsqa": 0.1,
    "cpgqa": 0.7,
    "climate_fever_claims": 0.2,
}
"""How often one epoch sees each record of a set, on average (a fresh draw each time)."""

NATURAL = {"own", "squad2", "qnli_dev", "cast_answerability", "trecqa", "climate_fever_claims"}
"""Sets with unanswerable questions of their own."""

FAMILIES = (("nq_open_oracle", "qed_nq", "multispanqa", "boolq_val", "selqa"),)
"""Sets of one kind: the passages of each serve as similar ones for all."""

OWN = Path(__file__).with_name("reader_texts.json")
"""Texts written for this, with answered questions and near misses."""

HELD_OUT_FROM = 1652
"""SQuAD 2.0 passages from here on, in file order, are nine whole articles that no training example touches:
construction, private schools, Jacksonville, economic inequality, University of Chicago, IPCC, prime numbers,
the Rhine (and what stands between them)."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9])|\n+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|No|vs|Jr|Sr|Gen|Col|Prof|cf|ca|e\.g|i\.e|U\.S))\.$"
)
_WORD = re.compile(r"\w+")
_STOP = frozenset(
    "a an the of in on at to for from by with and or is are was were be been do does did has have had what which "
    "who whom whose when where why how many much that this these those it its as not no can could would s".split()
)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a training set. `answerable` is None where the label is missing."""

    source: str
    question: str
    passage: str
    answerable: bool | None
    spans: tuple[tuple[int, int], ...]
    held_out: bool


@dataclass(frozen=True, slots=True)
class Example:
    """A pair as the reader sees it.

    `labels[i]` tells whether sentence i answers (None: unknown). `answers[i]` is the answer in that sentence, in
    its code points, or None.
    """

    source: str
    question: str
    sentences: tuple[str, ...]
    answerable: bool
    labels: tuple[bool | None, ...]
    answers: tuple[tuple[int, int] | None, ...]


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the sentences of `text` as code-point ranges without surrounding blanks."""
    cuts, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if "\n" not in match.group() and _ABBREVIATION.search(text[start : match.start()]):
            continue
        cuts.append((start, match.start() + len(match.group()) - len(match.group().lstrip("\"'”’)]"))))
        start = match.end()
    cuts.append((start, len(text)))
    return [(a, b) for a, b in cuts if text[a:b].strip()]


def load(folder: Path) -> dict[str, list[Record]]:
    """Read the sets named in SHARES; records of the held-out articles are marked, wherever they stand."""
    raw = {name: list(_lines(folder / f"{name}.jsonl.gz")) for name in SHARES if name != "own"}
    order = list(dict.fromkeys(line["passage"] for line in raw["squad2"]))
    held = set(order[HELD_OUT_FROM:])
    touches = _same_article(order, held, raw)
    return {"own": list(_own(OWN))} | {
        name: [
            Record(
                name,
                line["question"].strip(),
                line["passage"],
                line["answerable"],
                tuple((a, b) for a, b in line["spans"]),
                line["passage"] in held or line["passage"] in touches,
            )
            for line in lines
        ]
        for name, lines in raw.items()
    }


def _own(path: Path) -> Iterator[Record]:
    """The questions on our own texts; an answered one is also asked of the passages beside its own."""
    for text in json.loads(path.read_text("utf-8")):
        passages = [" ".join(sentences) for sentences in text["passages"]]
        for question, at, hits in text["answered"]:
            sentences = text["passages"][at]
            starts = [len(" ".join(sentences[:i])) + (i > 0) for i in range(len(sentences))]
            spans = tuple((starts[i], starts[i] + len(sentences[i])) for i in hits)
            yield Record("own", question, passages[at], True, spans, False)
            near = (at + 1) % len(passages)
            yield Record("own", question, passages[near], False, (), False)
        for question, at in text["unanswered"]:
            yield Record("own", question, passages[at], False, (), False)


def _lines(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _same_article(order: list[str], held: set[str], raw: dict[str, list[dict]]) -> set[str]:
    """Passages of the other SQuAD-made sets whose nearest SQuAD 2.0 passage is held out."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    others = sorted({line["passage"] for name in ("qnli_dev", "xquad_en") for line in raw[name]})
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    known = vectorizer.fit_transform(order)
    nearest = (vectorizer.transform(others) @ known.T).toarray().argmax(axis=1)
    return {text for text, at in zip(others, nearest, strict=True) if order[at] in held}


def words(text: str) -> set[str]:
    """Return the content words of `text`, lower-cased."""
    return {w for w in _WORD.findall(text.lower()) if w not in _STOP}


class Maker:
    """Turns records into examples; all chance comes from `rng`."""

    def __init__(self, sets: dict[str, list[Record]], rng: random.Random) -> None:
        self.rng = rng
        self.sets = {
            n: [r for r in rs if not r.held_out and r.answerable is not None] for n, rs in sets.items()
        }
        self.names = names_in(r.passage for rs in self.sets.values() for r in rs)
        self.neighbours = {
            n: _neighbours(rs, self._family(n))
            for n, rs in self.sets.items()
            if n not in NATURAL or n == "squad2"
        }

    def _family(self, name: str) -> list[str]:
        """The passages of the set and of those like it."""
        family = next((f for f in FAMILIES if name in f), (name,))
        return list(dict.fromkeys(r.passage for n in family for r in self.sets[n]))

    def epoch(self) -> list[Example]:
        """Return one epoch's examples in random order."""
        made = []
        for name, records in self.sets.items():
            whole, part = divmod(SHARES[name], 1)
            drawn = self.rng.sample(range(len(records)), int(part * len(records)))
            for at in [*drawn, *(int(whole) * [*range(len(records))])]:
                example = self._example(name, at)
                if example is not None:
                    made.append(self._style(example))
        self.rng.shuffle(made)
        return made

    def _example(self, name: str, at: int) -> Example | None:
        record = self.sets[name][at]
        if not record.answerable:
            return window(record, self.rng)
        kind = self.rng.random()
        if name in NATURAL and name != "squad2":
            return window(record, self.rng)
        keep = 0.72 if name == "squad2" else 0.5
        if kind < keep:
            return window(record, self.rng)
        return self._near_miss(name, at, (kind - keep) / (1 - keep))

    def _near_miss(self, name: str, at: int, share: float) -> Example | None:
        """One of the near misses by rule; `share`, from 0 to 1, says which."""
        record = self.sets[name][at]
        if share < 0.25:
            return without_evidence(record, self.rng)
        made = None
        if share >= 0.75:
            made = self._changed(record)
        elif share >= 0.6:
            made = self._otherwise(record)
        return made or self._elsewhere(name, at)

    def _elsewhere(self, name: str, at: int) -> Example | None:
        """The question on a similar passage of the same set that does not hold the answer."""
        record, near = self.sets[name][at], self.neighbours[name][at]
        answers = [record.passage[a:b].lower() for a, b in record.spans]
        choices = [
            p
            for p in near
            if not any(len(x) < 200 and x in p.lower() for x in answers) and p != record.passage
        ]
        if not choices:
            return None
        other = replace(record, passage=self.rng.choice(choices), answerable=False, spans=())
        return window(other, self.rng)

    def _otherwise(self, record: Record) -> Example | None:
        """The question for another circumstance, of which the window tells nothing."""
        example = window(record, self.rng)
        if example is None:
            return None
        question = ask_otherwise(record.question, example.sentences, self.rng)
        return None if question is None else _refused(replace(example, question=question))

    def _changed(self, record: Record) -> Example | None:
        """The question with one fact changed that the passage states."""
        question = (
            change_number(record.question, record.passage, self.rng) if self.rng.random() < 0.5 else None
        )
        question = question or change_name(record.question, record.passage, self.names, self.rng)
        question = question or change_number(record.question, record.passage, self.rng)
        if question is None:
            return without_evidence(record, self.rng)
        example = window(record, self.rng)
        if example is None:
            return None
        return _refused(replace(example, question=question))

    def _style(self, example: Example) -> Example:
        """Typing habits that must not matter."""
        question, sentences = example.question, example.sentences
        if self.rng.random() < 0.25:
            question = question.rstrip(" ?.")
        if self.rng.random() < 0.15:
            question = reword(question, self.rng)
        chance = self.rng.random()
        if chance < 0.12:
            for _ in range(self.rng.choice((1, 1, 2, 3))):
                question = typo(question, self.rng)
        elif chance < 0.15:
            question = spanish(question)
        elif chance < 0.25:
            question = question.lower()
        if self.rng.random() < 0.12 and not any(example.answers):
            sentences = tuple(map(spaced, sentences))
        return replace(example, question=question, sentences=sentences)


def _refused(example: Example) -> Example:
    count = len(example.sentences)
    return replace(example, answerable=False, labels=(False,) * count, answers=(None,) * count)


def window(record: Record, rng: random.Random, sentences: int = 12) -> Example | None:
    """Cut up to `sentences` whole sentences around the evidence (or the likeliest place for it)."""
    ranges = split_sentences(record.passage)
    if not ranges:
        return None
    inside = [[(a, b) for a, b in record.spans if a < end and b > start] for start, end in ranges]
    hit = [i for i, found in enumerate(inside) if found]
    if hit:
        centre = rng.choice(hit[:3])
    elif rng.random() < 0.8:
        asked = words(record.question)
        overlap = [len(asked & words(record.passage[a:b])) + rng.random() for a, b in ranges]
        centre = overlap.index(max(overlap))
    else:
        centre = rng.randrange(len(ranges))
    first = max(0, centre - rng.randint(0, sentences - 1) // 2)
    chosen = range(first, min(len(ranges), first + sentences))
    unknown = bool(record.answerable) and not hit
    labels: list[bool | None] = []
    answers: list[tuple[int, int] | None] = []
    for i in chosen:
        start, end = ranges[i]
        labels.append(None if unknown else bool(inside[i]))
        short = [(max(a, start) - start, min(b, end) - start) for a, b in inside[i]]
        answers.append(min(short, key=lambda x: x[1] - x[0]) if short else None)
    texts = tuple(record.passage[ranges[i][0] : ranges[i][1]] for i in chosen)
    return _rotate(
        Example(
            record.source, record.question, texts, bool(record.answerable), tuple(labels), tuple(answers)
        ),
        centre - first,
    )


def _rotate(example: Example, centre: int) -> Example:
    """Keep the centre near the front enough to survive the cut to the token limit (see `fit`)."""
    first = max(0, centre - 3)
    return replace(
        example,
        sentences=example.sentences[first:],
        labels=example.labels[first:],
        answers=example.answers[first:],
    )


def without_evidence(record: Record, rng: random.Random) -> Example | None:
    """The window without every sentence that holds the answer or any part of it: a near miss by construction."""
    example = window(record, rng)
    if example is None or not any(example.labels):
        return None
    texts = [record.passage[a:b].lower() for a, b in record.spans]
    keep = [
        s
        for s, label in zip(example.sentences, example.labels, strict=True)
        if not label and not any(t in s.lower() for t in texts)
    ]
    if not keep:
        return None
    none = (None,) * len(keep)
    return replace(
        example, sentences=tuple(keep), answerable=False, labels=(False,) * len(keep), answers=none
    )


def _neighbours(records: list[Record], passages: list[str], count: int = 8) -> list[list[str]]:
    """For each record those of `passages` nearest to its question, without its own."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    matrix = vectorizer.fit_transform(passages)
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(records), 1000):
        asked = vectorizer.transform([r.question for r in records[start : start + 1000]])
        scores = (asked @ matrix.T).toarray()
        best = (-scores).argpartition(min(count + 1, len(passages) - 1), axis=1)[:, : count + 1]
        for row, picks in enumerate(best):
            own = records[start + row].passage
            found[start + row] = [passages[i] for i in picks if passages[i] != own]
    return [found[i] for i in range(len(records))]

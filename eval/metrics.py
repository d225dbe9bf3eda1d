"""The measures of one question, by the names that the field gives them.

Characters are compared as sets (`Extent`), so that no chunking is favoured: recall, precision and IoU as in
Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval" (2024). nDCG, reciprocal rank and
success are computed by ir_measures. Citation recall and precision follow Gao et al., "Enabling Large
Language Models to Generate Text with Citations" (ALCE, 2023), with exact quotation in the place of an
entailment model.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from eval.extents import Extent
from eval.questions import Fact, Question

COVERED = 0.75
"""A fact counts as shown when at least this share of one of its evidences' characters is."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What was shown against the evidence, in characters. All are 0 where nothing was shown."""

    recall: float
    precision: float
    iou: float

    @property
    def f1(self) -> float:
        """The harmonic mean of recall and precision."""
        return harmonic(self.recall, self.precision)


@dataclass(frozen=True, slots=True)
class Ranked:
    """How early the passages hold evidence."""

    ndcg_10: float
    reciprocal_rank: float
    hit_1: float


@dataclass(frozen=True, slots=True)
class Cited:
    """One citation as it is measured: its characters and whether each of its quotes is exact."""

    extent: Extent
    exact: bool


def covered(facts: Sequence[Fact], shown: Extent) -> tuple[bool, ...]:
    """Say for each fact whether `shown` holds it."""
    return tuple(fact.coverage(shown) >= COVERED for fact in facts)


def overlap(question: Question, shown: Extent) -> Overlap:
    """Compare `shown` with the evidence of `question`.

    Recall counts, for each fact, the evidence that is covered best. Precision takes any acceptable evidence
    for right and leaves the context out of account.
    """
    wanted = Extent.union(fact.best(shown) for fact in question.facts)
    acceptable = question.acceptable()
    counted = shown - (question.context - acceptable)
    found = len(wanted & shown)
    excess = len(counted - acceptable)
    return Overlap(
        recall=found / len(wanted) if len(wanted) else 0.0,
        precision=len(counted & acceptable) / len(counted) if len(counted) else 0.0,
        iou=found / (len(wanted) + excess) if len(wanted) + excess else 0.0,
    )


def ranked(question: Question, passages: Sequence[Extent]) -> Ranked:
    """Judge the order of `passages`, best first.

    A passage is relevant if it holds a fact. A fact that no passage holds counts as a relevant passage that
    was not found, so that nDCG falls with what is missing as with what comes late.
    """
    import ir_measures
    from ir_measures import RR, Success, nDCG

    relevant = [any(covered(question.facts, passage)) for passage in passages]
    missing = sum(
        not any(fact.coverage(passage) >= COVERED for passage in passages) for fact in question.facts
    )
    judged = {f"passage {i}": 1 for i, right in enumerate(relevant) if right}
    judged |= {f"missing {i}": 1 for i in range(missing)}
    run = {f"passage {i}": float(len(passages) - i) for i in range(len(passages))} or {"none": 0.0}
    values = ir_measures.calc_aggregate(
        [nDCG @ 10, RR, Success @ 1], {question.id: judged}, {question.id: run}
    )
    return Ranked(values[nDCG @ 10], values[RR], values[Success @ 1])


def citation_recall(answer: str | None, citations: Sequence[tuple[int, int, bool]]) -> float:
    """Return the share of the answer's statements that are exactly quoted from their source.

    `citations` gives where the answer quotes each citation, and whether the quotes are exact. A stretch of
    the answer between the quotes, citation marks left out, is a statement that nothing supports.
    """
    if not answer:
        return 0.0
    statements = supported = 0
    at = 0
    for start, end, exact in sorted(citations):
        statements += _says_something(answer[at:start]) + 1
        supported += exact
        at = max(at, end)
    statements += _says_something(answer[at:])
    return supported / statements if statements else 0.0


def citation_precision(question: Question, citations: Sequence[Cited]) -> float:
    """Return the share of citations that are exact and bear on the question; 0 where there are none.

    A citation bears on it if it holds an evidence span or lies within evidence, either by `COVERED`.
    """
    if not citations:
        return 0.0
    acceptable = question.acceptable() | question.context
    spans = [
        Extent((span,)) for fact in question.facts for extent in fact.evidence for span in extent.intervals
    ]

    def bears(cited: Extent) -> bool:
        holds = any(span.share_in(cited) >= COVERED for span in spans)
        return holds or (len(cited) > 0 and cited.share_in(acceptable) >= COVERED)

    return sum(cited.exact and bears(cited.extent) for cited in citations) / len(citations)


def sentence_f1(chosen: Collection[int], golden: Sequence[Collection[int]]) -> float:
    """Return the F1 of the chosen sentences against the annotator who agrees most."""
    best = 0.0
    for gold in golden:
        common = len(set(chosen) & set(gold))
        if common:
            best = max(best, harmonic(common / len(set(gold)), common / len(set(chosen))))
    return best


def harmonic(recall: float, precision: float) -> float:
    """Return the harmonic mean, 0 if both are."""
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def _says_something(text: str) -> bool:
    """Say whether `text` holds letters; marks such as `[1]` and what joins quotes do not."""
    return any(character.isalpha() for character in text)

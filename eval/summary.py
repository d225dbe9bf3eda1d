"""All questions of a run in a few figures with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval import refusals
from eval.scoring import Score
from eval.significance import Interval, interval, mean_interval
from eval.waterfall import Stage, waterfall

Over = Literal["answerable", "unanswerable", "all"]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure that every question of a kind has a value in; the figure is their mean.

    `name` is the key in JSON and in thresholds, `unit` how a person reads the value.
    """

    name: str
    label: str
    over: Over
    of: Callable[[Score], float]
    higher_is_better: bool = True
    unit: Literal["share", "ms", "characters"] = "share"

    def chosen(self, scores: Sequence[Score]) -> list[Score]:
        """Return the scores that have a value in this measure."""
        return [score for score in scores if self.over in ("all", _side(score))]

    def values(self, scores: Sequence[Score]) -> list[float]:
        """Return the value of each question that has one."""
        return [self.of(score) for score in self.chosen(scores)]


MEASURES: tuple[Measure, ...] = (
    Measure("fact_recall", "Fact recall, citations", "answerable", lambda s: s.fact_recall),
    Measure("completeness", "All facts cited", "answerable", lambda s: float(s.fact_recall == 1)),
    Measure("char_recall", "Character recall, citations", "answerable", lambda s: s.citations.recall),
    Measure("char_precision", "Character precision, citations", "answerable", lambda s: s.citations.precision),
    Measure("char_iou", "Character IoU, citations", "answerable", lambda s: s.citations.iou),
    Measure("char_f1", "Character F1, citations", "answerable", lambda s: s.citations.f1),
    Measure("citation_recall", "Citation recall", "answerable", lambda s: s.citation_recall),
    Measure("citation_precision", "Citation precision", "answerable", lambda s: s.citation_precision),
    Measure("passage_fact_recall", "Fact recall, passages", "answerable", lambda s: s.evidence_fact_recall),
    Measure("passage_recall", "Character recall, passages", "answerable", lambda s: s.passages.recall),
    Measure("passage_precision", "Character precision, passages", "answerable", lambda s: s.passages.precision),
    Measure("passage_iou", "Character IoU, passages", "answerable", lambda s: s.passages.iou),
    Measure("ndcg_10", "nDCG@10", "answerable", lambda s: s.ranked.ndcg_10),
    Measure("mrr", "MRR", "answerable", lambda s: s.ranked.reciprocal_rank),
    Measure("hit_1", "Hit@1", "answerable", lambda s: s.ranked.hit_1),
    Measure("exact", "Quotes exact", "all", lambda s: float(s.exact)),
    Measure("false_refusals", "False refusals", "answerable", lambda s: float(not s.answered), False),
    Measure("false_answers", "False answers", "unanswerable", lambda s: float(s.answered), False),
    Measure("failures", "Failed questions", "all", lambda s: float(s.failed), False),
    Measure(
        "cited_characters", "Characters cited", "answerable", lambda s: s.cited_characters, False, "characters"
    ),
    Measure(
        "shown_characters", "Characters shown", "answerable", lambda s: s.shown_characters, False, "characters"
    ),
    Measure("latency_ms", "Latency, mean", "all", lambda s: s.milliseconds, False, "ms"),
    Measure("server_ms", "Cost, server time", "all", lambda s: s.server_milliseconds, False, "ms"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the summary: a value and where its true value likely lies."""

    name: str
    label: str
    unit: str
    higher_is_better: bool
    interval: Interval
    questions: int


@dataclass(frozen=True, slots=True)
class Curves:
    """What the plots show: risk over coverage and the reliability diagram."""

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    reliability: tuple[refusals.Bin, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run, by kind of question too, and where its failed questions were lost."""

    figures: tuple[Figure, ...]
    operating_points: tuple[refusals.OperatingPoint, ...]
    curves: Curves
    kinds: dict[str, tuple[int, float]]
    stages: dict[Stage, int]

    def value(self, name: str) -> float:
        """Return a figure's value. Raises `KeyError` with the names there are."""
        by_name = {figure.name: figure.interval.value for figure in self.figures}
        if name not in by_name:
            raise KeyError(f"no figure is named {name!r}; there is {', '.join(by_name)}")
        return by_name[name]


def summarize(scores: Sequence[Score], lost: Sequence[Stage | None]) -> Summary:
    """Return the summary of a run. `lost` says for each score which stage lost it, None for none.

    `kinds` gives for each kind of question how many there are and the share that did not fail.
    """
    figures = [
        Figure(m.name, m.label, m.unit, m.higher_is_better, mean_interval(values), len(values))
        for m in MEASURES
        if (values := m.values(scores))
    ]
    if scores:
        figures += _latency_figures(scores) + _refusal_figures(scores)
    answerable, unanswerable = _confidences(scores)
    confidence, right = [s.confidence for s in scores], [s.right for s in scores]
    coverage, risk = refusals.risk_coverage(confidence, right)
    return Summary(
        tuple(figures),
        tuple(refusals.operating_point(answerable, unanswerable, share) for share in (0.15, 0.05)),
        Curves(tuple(coverage.tolist()), tuple(risk.tolist()), refusals.reliability(confidence, right)),
        {kind: _passed(scores, kind) for kind in dict.fromkeys(s.question.kind for s in scores)},
        waterfall(lost),
    )


def _latency_figures(scores: Sequence[Score]) -> list[Figure]:
    taken = np.array([score.milliseconds for score in scores])
    return [
        Figure(
            f"latency_p{share}_ms",
            f"Latency, p{share}",
            "ms",
            False,
            interval(lambda rows, share=share: float(np.percentile(taken[rows], share)), len(scores)),
            len(scores),
        )
        for share in (50, 95)
    ]


def _refusal_figures(scores: Sequence[Score]) -> list[Figure]:
    """Return the figures on confidence, which are not means over questions."""
    confidence, right = np.array([s.confidence for s in scores]), np.array([s.right for s in scores])
    answerable, unanswerable = (np.array(group) for group in _confidences(scores))
    near = np.array([s.confidence for s in scores if s.question.near])
    figures = [
        Figure(
            name,
            label,
            "share",
            False,
            interval(lambda rows, of=of: of(confidence[rows], right[rows]), len(scores)),
            len(scores),
        )
        for name, label, of in (
            ("aurc", "AURC", refusals.aurc),
            ("ece", "ECE", refusals.expected_calibration_error),
            ("brier", "Brier score", refusals.brier_score),
        )
    ]
    contrasts: list[tuple[str, str, Scores, Callable[[Scores, Scores], float]]] = [
        ("auroc", "AUROC", unanswerable, refusals.auroc),
        ("auroc_near", "AUROC, near misses", near, refusals.auroc),
    ]
    for percent in (15, 5):
        label = f"Unanswerable refused while {percent} % of the answerable are"
        contrasts.append((f"refused_at_{percent}", label, unanswerable, partial(_refused, percent / 100)))
    for name, label, others, of in contrasts:
        if len(answerable) and len(others):
            found = interval(
                lambda rows, other, of=of, others=others: of(answerable[rows], others[other]),
                len(answerable),
                len(others),
            )
            figures.append(Figure(name, label, "share", True, found, len(answerable) + len(others)))
    return figures


def _refused(share: float, answerable: Scores, unanswerable: Scores) -> float:
    return refusals.operating_point(answerable, unanswerable, share).unanswerable_refused


def _confidences(scores: Sequence[Score]) -> tuple[list[float], list[float]]:
    answerable = [s.confidence for s in scores if s.question.answerable]
    return answerable, [s.confidence for s in scores if not s.question.answerable]


def _passed(scores: Sequence[Score], kind: str) -> tuple[int, float]:
    chosen = [score for score in scores if score.question.kind == kind]
    return len(chosen), sum(not score.failed for score in chosen) / len(chosen)


def _side(score: Score) -> Over:
    return "answerable" if score.question.answerable else "unanswerable"

"""Two runs over the same questions: what is better, what is worse, and what cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from eval.errors import RunError
from eval.questions import NEAR_KINDS
from eval.refusals import auroc
from eval.report import shown
from eval.significance import Difference, Verdict, paired_bootstrap, paired_difference, verdicts
from eval.summary import MEASURES, Measure

Report = dict[str, Any]
Pairs = list[tuple[dict[str, Any], dict[str, Any]]]
"""The same question in both reports."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure in both runs. `difference.p` is that of the paired test, before correction."""

    label: str
    unit: str
    before: float
    after: float
    difference: Difference
    higher_is_better: bool
    questions: int
    verdict: Verdict | None = None


def compare(before: Report, after: Report) -> list[Comparison]:
    """Compare two reports question by question, measure by measure.

    The verdicts are corrected for their number (Holm). Times get none: all of a run's times hang on the load of
    the machine while it ran, which no test over questions can see. Raises `RunError` where the questions differ.
    """
    pairs = _paired(before, after)
    lines = [line for measure in MEASURES for line in _means(measure, pairs)] + _aurocs(pairs)
    tested = [line for line in lines if line.unit != "ms"]
    judged = verdicts(
        [line.difference for line in tested], higher_is_better=[line.higher_is_better for line in tested]
    )
    told = [replace(line, verdict=verdict) for line, verdict in zip(tested, judged, strict=True)]
    return told + [line for line in lines if line.unit == "ms"]


def changed_questions(before: Report, after: Report) -> list[tuple[str, str, str | None, str | None]]:
    """Return id, text and the losing stage before and after of each question that one run alone served."""
    return [
        (a["id"], a["question"], a["lost_at"], b["lost_at"])
        for a, b in _paired(before, after)
        if (a["lost_at"] is None) != (b["lost_at"] is None)
    ]


def print_comparison(before: Report, after: Report, console: Console) -> None:
    """Print the comparison and the questions that changed sides."""
    table = Table(box=None, pad_edge=False)
    for heading in ("Measure", "A", "B", "B - A", "p", "B is"):
        table.add_column(heading, justify="left" if heading in ("Measure", "B is") else "right")
    for line in compare(before, after):
        unit, change = line.unit, line.difference
        table.add_row(
            line.label,
            shown(line.before, unit),
            shown(line.after, unit),
            ("+" if change.value > 0 else "") + shown(change.value, unit),
            f"{change.p:.3f}" if line.verdict else "-",
            line.verdict or "not tested",
        )
    console.print(table)
    for identity, text, lost_before, lost_after in changed_questions(before, after):
        change_text = f"now lost by {lost_after}" if lost_after else f"no longer lost by {lost_before}"
        console.print(f"{identity}: {change_text}: {text}")


def _means(measure: Measure, pairs: Pairs) -> list[Comparison]:
    """Compare the means of one measure; nothing where no question has a value in it."""
    name = measure.name
    values = [(a["values"][name], b["values"][name]) for a, b in pairs if name in a["values"]]
    if not values:
        return []
    first, second = (np.array(side, float) for side in zip(*values, strict=True))
    difference = paired_difference(first, second)
    means = float(first.mean()), float(second.mean())
    return [
        Comparison(measure.label, measure.unit, *means, difference, measure.higher_is_better, len(values))
    ]


def _aurocs(pairs: Pairs) -> list[Comparison]:
    """Compare how well confidence tells answerable questions from all others and from near misses."""
    confidences = np.array([(a["confidence"], b["confidence"]) for a, b in pairs])
    answerable = np.array([bool(a["facts"]) for a, _ in pairs])
    near = np.array([a["kind"] in NEAR_KINDS for a, _ in pairs])
    lines = []
    for label, others in (("AUROC", ~answerable), ("AUROC, near misses", near)):
        if not answerable.any() or not others.any():
            continue
        yes, no = confidences[answerable], confidences[others]
        runs = [lambda rows, other, i=i, yes=yes, no=no: auroc(yes[rows, i], no[other, i]) for i in (0, 1)]
        difference = paired_bootstrap(runs[0], runs[1], len(yes), len(no))
        values = auroc(yes[:, 0], no[:, 0]), auroc(yes[:, 1], no[:, 1])
        lines.append(Comparison(label, "share", *values, difference, True, len(yes) + len(no)))
    return lines


def _paired(before: Report, after: Report) -> Pairs:
    first = {question["id"]: question for question in before["questions"]}
    second = {question["id"]: question for question in after["questions"]}
    if first.keys() != second.keys():
        odd = sorted(first.keys() ^ second.keys())
        raise RunError(
            f"the runs are over different questions: {len(first)} and {len(second)}, "
            f"{', '.join(odd[:5])} in one only"
        )
    for identity, question in first.items():
        if question["digest"] != second[identity]["digest"]:
            raise RunError(f"question {identity} or its evidence differs between the runs: run both again")
    return [(question, second[identity]) for identity, question in first.items()]

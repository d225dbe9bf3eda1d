"""A run for people and programs: a table in the terminal, a self-contained page, and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from eval.errors import RunError
from eval.extents import Extent
from eval.quotes import Source
from eval.run import Run
from eval.scoring import Score
from eval.summary import Summary, summarize
from eval.waterfall import Stage, Stages, lost_at

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A run with all that was measured. `lost` says for each score which stage lost it, None for none."""

    name: str
    split: str | None
    run: Run
    sources: Sequence[Source]
    scores: Sequence[Score]
    lost: Sequence[Stage | None]
    summary: Summary

    @classmethod
    def of(
        cls,
        name: str,
        split: str | None,
        run: Run,
        sources: Sequence[Source],
        scores: Sequence[Score],
        stages: Stages | None,
    ) -> Evaluated:
        """Attribute the failed questions to stages and sum up."""
        lost = [lost_at(score, stages) for score in scores]
        return cls(name, split, run, sources, scores, lost, summarize(scores, lost))


def report(evaluated: Evaluated) -> dict[str, Any]:
    """Return the report as JSON would hold it: figures, curves, kinds, stages and every question."""
    run, summary = evaluated.run, evaluated.summary
    index: dict[str, Any] = next((reply.body["index"] for reply in run.replies.values() if reply.body), {})
    return {
        "format": FORMAT,
        "set": evaluated.name,
        "split": evaluated.split,
        "answering": run.answering,
        "fingerprint": run.fingerprint,
        "model": index.get("model", "unknown"),
        "passages": index.get("passages", 0),
        "figures": [
            {
                "name": figure.name,
                "label": figure.label,
                "unit": figure.unit,
                "higher_is_better": figure.higher_is_better,
                "questions": figure.questions,
                **asdict(figure.interval),
            }
            for figure in summary.figures
        ],
        "operating_points": [asdict(point) for point in summary.operating_points],
        "curves": asdict(summary.curves),
        "kinds": [
            {"kind": kind, "questions": count, "served": served}
            for kind, (count, served) in summary.kinds.items()
        ],
        "stages": summary.stages,
        "questions": [
            _question(score, lost, evaluated)
            for score, lost in zip(evaluated.scores, evaluated.lost, strict=True)
        ],
    }


def read_report(folder: Path) -> dict[str, Any]:
    """Return what `write_report` wrote. Raises `RunError` where it is not there or of another format."""
    path = folder / "report.json"
    try:
        found = orjson.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{path} is not there: name the folder of a finished run") from error
    except orjson.JSONDecodeError as error:
        raise RunError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise RunError(f"{path} is not a report of format {FORMAT}: run the evaluation again")
    return found


def write_report(evaluated: Evaluated, folder: Path) -> None:
    """Write `report.json` and `report.html` to `folder`."""
    data = report(evaluated)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    (folder / "report.html").write_text(html(data), encoding="utf-8")


def html(data: dict[str, Any]) -> str:
    """Return a report as one page that loads nothing."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from eval.plots import reliability_plot, risk_coverage_plot, waterfall_plot
    from eval.refusals import Bin

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    questions, curves = data["questions"], data["curves"]
    answered = sum(q["status"] in ("answered", "partial") for q in questions) / max(len(questions), 1)
    plots = {
        "risk": risk_coverage_plot(curves["coverage"], curves["risk"], answered),
        "reliability": reliability_plot([Bin(**point) for point in curves["reliability"]]),
        "waterfall": waterfall_plot(len(questions), data["stages"]),
    }
    template = files("eval").joinpath("templates/report.html").read_text(encoding="utf-8")
    # The plots are our own SVG, whose texts `eval.plots` has escaped.
    safe = {name: Markup(plot) for name, plot in plots.items()}  # noqa: S704
    return environment.from_string(template).render(report=data, plots=safe, shown=shown)


def print_summary(evaluated: Evaluated, console: Console) -> None:
    """Print the figures, the kinds and the waterfall."""
    summary = evaluated.summary
    table = Table(box=None, pad_edge=False, title=f"{evaluated.name} ({len(evaluated.scores)} questions)")
    for heading in ("Measure", "Value", "95 %", "Questions"):
        table.add_column(heading, justify="left" if heading == "Measure" else "right")
    for figure in summary.figures:
        span = figure.interval
        between = f"{shown(span.low, figure.unit)} - {shown(span.high, figure.unit)}"
        table.add_row(figure.label, shown(span.value, figure.unit), between, str(figure.questions))
    console.print(table)
    console.print()
    kinds = Table(box=None, pad_edge=False)
    for heading in ("Kind", "Questions", "Served"):
        kinds.add_column(heading, justify="left" if heading == "Kind" else "right")
    for kind, (count, served) in summary.kinds.items():
        kinds.add_row(kind.replace("_", " "), str(count), f"{served:.0%}")
    console.print(kinds)
    console.print()
    lost = ", ".join(f"{stage} {count}" for stage, count in summary.stages.items() if count)
    console.print(f"Failed questions by the stage that lost them: {lost or 'none'}")


def shown(value: float | None, unit: str) -> str:
    """Return a figure as people read it; a dash where it is not known."""
    if value is None or math.isnan(value):
        return "-"
    if unit == "share":
        return f"{value:.3f}"
    return f"{value:,.0f}" if unit == "characters" else f"{value:,.1f} ms"


def _question(score: Score, lost: Stage | None, evaluated: Evaluated) -> dict[str, Any]:
    question = score.question
    body = evaluated.run.replies[question.id].body or {}
    texts = {source.sha256: source.text for source in evaluated.sources}
    return {
        "id": question.id,
        "digest": question.digest(),
        "kind": question.kind,
        "split": question.split,
        "question": question.text,
        "note": question.note,
        "status": body.get("status", "error"),
        "error": score.error,
        "confidence": score.confidence,
        "milliseconds": score.milliseconds,
        "lost_at": lost,
        "answer": body.get("answer"),
        "cited": [citation["cited_text"] for citation in body.get("citations", ())],
        "nearest": next((passage["text"] for passage in body.get("passages", ())), None),
        "char_recall": score.citations.recall,
        "char_precision": score.citations.precision,
        "values": _values(score),
        "facts": [
            {
                "fact": fact.text,
                "cited": cited,
                "found": found,
                "evidence": _quotes(fact.best(score.shown.cited), texts),
            }
            for fact, cited, found in zip(question.facts, score.cited_facts, score.found_facts, strict=True)
        ],
    }


def _values(score: Score) -> dict[str, float]:
    from eval.summary import MEASURES

    return {measure.name: value for measure in MEASURES for value in measure.values([score])}


def _quotes(evidence: Extent, texts: dict[str, str]) -> list[str]:
    return [texts[document][start:end] for document, start, end in evidence.intervals]

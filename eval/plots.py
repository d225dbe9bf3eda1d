"""Plots as inline SVG: no script, no file beside the page, readable in light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from eval.refusals import Bin

_SIZE = 300
_LEFT, _BOTTOM, _REST = 54, 44, 18


def risk_coverage_plot(coverage: Sequence[float], risk: Sequence[float], answered: float) -> str:
    """Return risk over coverage; a dot marks the share of questions that the run answered."""
    points = [(0.0, 0.0 if not risk else risk[0]), *zip(coverage, risk, strict=True)]
    path = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
    at = next((y for x, y in points if x >= answered - 1e-9), 0.0)
    marks = [
        f'<polyline class="line" points="{path}"/>',
        f'<circle class="mark" cx="{_x(answered)}" cy="{_y(at)}" r="4">'
        f"<title>answered {answered:.0%}, of these wrong {at:.0%}</title></circle>",
    ]
    return _frame("Risk over coverage", "questions answered", "wrong among them", marks)


def reliability_plot(bins: Sequence[Bin]) -> str:
    """Return how often answers were right over how confident they were, with the diagonal they should be on."""
    most = max((point.count for point in bins), default=1)
    marks = [f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>']
    path = " ".join(f"{_x(point.confidence)},{_y(point.right)}" for point in bins)
    marks.append(f'<polyline class="line" points="{path}"/>')
    for point in bins:
        radius = 2.5 + 6 * (point.count / most) ** 0.5
        marks.append(
            f'<circle class="mark" cx="{_x(point.confidence)}" cy="{_y(point.right)}" r="{radius:.1f}">'
            f"<title>confidence {point.confidence:.2f}, right {point.right:.0%} of {point.count}</title></circle>"
        )
    return _frame("Reliability", "confidence", "right", marks)


def waterfall_plot(total: int, lost: Mapping[str, int]) -> str:
    """Return how many of all questions each stage lost, and what is left at the end."""
    rows = [("questions", total, 0), *_falls(total, lost), ("served", total - sum(lost.values()), 0)]
    step, left, width = 28, 96, 420
    scale = (width - left - 40) / max(total, 1)
    marks = []
    for i, (label, count, start) in enumerate(rows):
        y = 12 + i * step
        kind = "kept" if i in (0, len(rows) - 1) else "lost"
        x = left + start * scale
        marks.append(
            f'<text class="label" x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{max(count * scale, 0.5):.1f}" height="20" rx="2"/>'
            f'<text class="label" x="{x + count * scale + 6:.1f}" y="{y + 14}">{count}</text>'
        )
    height = 20 + len(rows) * step
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Where questions were lost">'
        f"{''.join(marks)}</svg>"
    )


def bars(title: str, values: Mapping[str, float]) -> str:
    """Return horizontal bars with their values, as an SVG that stands alone."""
    step, left, width = 28, 190, 560
    scale = (width - left - 70) / max([*values.values(), 1e-9])
    marks = [f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>']
    for i, (label, value) in enumerate(values.items()):
        y = 34 + i * step
        marks.append(
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
            f'<rect fill="#4a7ab5" x="{left}" y="{y}" width="{max(value * scale, 0.5):.1f}" height="20" rx="2"/>'
            f'<text x="{left + value * scale + 6:.1f}" y="{y + 14}">{value:,.0f}</text>'
        )
    height = 44 + len(values) * step
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="13" fill="#444">{"".join(marks)}</svg>'
    )


def _falls(total: int, lost: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Return label, count and the place of each bar: it hangs where the one before it ended."""
    bars = []
    left = total
    for stage, count in lost.items():
        left -= count
        bars.append((stage, count, left))
    return bars


def _frame(title: str, horizontal: str, vertical: str, marks: Sequence[str]) -> str:
    """Return a plot on two axes from 0 to 1."""
    grid = "".join(
        f'<line class="grid" x1="{_x(tick)}" y1="{_y(0)}" x2="{_x(tick)}" y2="{_y(1)}"/>'
        f'<line class="grid" x1="{_x(0)}" y1="{_y(tick)}" x2="{_x(1)}" y2="{_y(tick)}"/>'
        f'<text class="label" x="{_x(tick)}" y="{_y(0) + 16}" text-anchor="middle">{tick:.0%}</text>'
        f'<text class="label" x="{_x(0) - 6}" y="{_y(tick) + 4}" text-anchor="end">{tick:.0%}</text>'
        for tick in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    names = (
        f'<text class="name" x="{_x(0.5)}" y="{_SIZE - 6}" text-anchor="middle">{escape(horizontal)}</text>'
        f'<text class="name" x="12" y="{_y(0.5)}" text-anchor="middle" '
        f'transform="rotate(-90 12 {_y(0.5)})">{escape(vertical)}</text>'
    )
    return (
        f'<svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="{escape(title)}">'
        f"{grid}{names}{''.join(marks)}</svg>"
    )


def _x(value: float) -> float:
    return round(_LEFT + value * (_SIZE - _LEFT - _REST), 1)


def _y(value: float) -> float:
    return round(_SIZE - _BOTTOM - value * (_SIZE - _BOTTOM - _REST), 1)

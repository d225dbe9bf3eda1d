"""Every hostile input and fault on the list has a test that carries its number."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import ROOT

_ELSEWHERE = {10}
"""Rows that are a proxy's work: docs/reliability.md names them."""


def test_every_row_has_a_test(shared: Path) -> None:
    rows = {int(n) for n in re.findall(r"^\| (\d+) \|", (shared / "BAD-INPUTS.md").read_text("utf-8"), re.M)}
    assert len(rows) == max(rows) >= 60
    tested: set[int] = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        for names in re.findall(r"def test_rows?_((?:\d+_(?:and_)?)+)", path.read_text("utf-8")):
            tested |= {int(number) for number in re.findall(r"\d+", names)}
    assert rows - tested == _ELSEWHERE

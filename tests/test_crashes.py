"""A change to an index that dies half-way is wholly there or wholly absent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest
from conftest import ROOT, Tally

_EVERY = 45


def test_row_43_killed_at_every_step_of_a_change(tmp_path: Path, tally: Tally) -> None:
    every = max(1, _EVERY // tally.times)
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "crashing.py", tmp_path, str(every)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    trials = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert set(Counter(trial["change"] for trial in trials)) == {"add", "replace", "remove"}
    assert all(trial["killed"] for trial in trials)
    failed = [trial for trial in trials if not (trial["whole"] and trial["agree"])]
    print(*failed, sep="\n")
    tally.keep(
        "a change killed at a step is wholly there or wholly absent, in text, vectors and BM25",
        len(trials),
        len(failed),
    )


@pytest.mark.parametrize("damage", ["flip", "zero", "cut"])
def test_row_41_damage_anywhere_in_a_snapshot_is_mended(tmp_path: Path, tally: Tally, damage: str) -> None:
    from damaging import damaged_and_opened

    trials, failures = damaged_and_opened(tmp_path, damage, 12 * tally.times)
    tally.keep(f"a snapshot file that is damaged ({damage}) is found out and made again", trials, failures)

"""Dense search: exact where that is quick, and nearly so, with exact scores, where there are many rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index import vectors
from index.types import Vectors
from index.vectors import VectorFiles, VectorIndex, VectorWriter

DIMENSION = 16


def unit(rows: int, seed: int) -> Vectors:
    """Return rows around a few directions, as texts about a few topics are."""
    random = np.random.default_rng(seed)
    topics = np.random.default_rng(0).standard_normal((40, DIMENSION))
    made = topics[random.integers(0, len(topics), rows)] + 0.5 * random.standard_normal((rows, DIMENSION))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def written(folder: Path, rows: Vectors, first: int = 0) -> VectorFiles:
    folder.mkdir()
    writer = VectorWriter(DIMENSION)
    writer.add(rows)
    writer.save(folder, unit(100, 2))
    return VectorFiles.open(folder, first)


def nearest(rows: Vectors, question: Vectors, limit: int) -> list[int]:
    return np.argsort(-(rows.astype(np.float16).astype(np.float32) @ question), kind="stable")[
        :limit
    ].tolist()


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VectorIndex:
    """Five thousand rows in lists and five hundred beside them."""
    monkeypatch.setattr(vectors, "EXACT_ROWS", 1000)
    monkeypatch.setattr(vectors, "MAPPED_BYTES", 0)
    files = [written(tmp_path / "a", unit(5000, 1)), written(tmp_path / "b", unit(500, 3), first=5000)]
    assert [each.lists is not None for each in files] == [True, False]
    return VectorIndex(files)


def test_few_rows_are_searched_exactly(tmp_path: Path) -> None:
    rows = unit(300, 1)
    index = VectorIndex([written(tmp_path / "a", rows)])
    for question in unit(20, 4):
        found, scores = index.search(question, 10)
        assert found.tolist() == nearest(rows, question, 10)
        assert scores == pytest.approx(rows[found] @ question, abs=1e-3)


def test_many_rows_are_found_by_lists_and_scored_exactly(many: VectorIndex) -> None:
    rows = np.concatenate([unit(5000, 1), unit(500, 3)])
    recalls = []
    for question in unit(50, 4):
        found, scores = many.search(question, 10)
        recalls.append(np.isin(nearest(rows, question, 10), found).mean())
        assert scores == pytest.approx(rows[found] @ question, abs=1e-3), "halves, not bytes"
        assert (np.diff(scores) <= 0).all()
        every, _ = many.search(question, 10, exact=True)
        assert every.tolist() == nearest(rows, question, 10)
    assert np.mean(recalls) >= 0.99


def test_a_filter_leaves_nothing_out_that_it_allows(many: VectorIndex) -> None:
    allowed = np.zeros(len(many), np.bool_)
    allowed[[7, 4999, 5000, 5499]] = True
    found, _ = many.search(unit(1, 4)[0], 10, allowed)
    assert sorted(found.tolist()) == [7, 4999, 5000, 5499]
    allowed = ~allowed
    found, _ = many.search(unit(5000, 1)[7], 10, allowed)
    assert len(found) == 10
    assert 7 not in found


def test_scores_are_those_of_the_rows_asked_for(many: VectorIndex) -> None:
    rows = np.concatenate([unit(5000, 1), unit(500, 3)])
    question = unit(1, 4)[0]
    for wanted in ([0, 3, 4999, 5000, 5499], [5200], [2], []):
        scores = many.scores(question, np.array(wanted, np.int64))
        assert scores == pytest.approx(rows[wanted] @ question if wanted else [], abs=1e-3)


def test_an_empty_index_finds_nothing() -> None:
    rows, scores = VectorIndex([]).search(unit(1, 0)[0], 10)
    assert len(rows) == len(scores) == 0

"""The plan: its arithmetic, and that every assumption can be another."""

from __future__ import annotations

import pytest

from service.planning import (
    ENCODINGS,
    Assumptions,
    PlanError,
    database_bytes,
    describe,
    engine_plan,
    ingest_seconds,
    limits,
    plan_table,
)


def test_bytes_a_vector() -> None:
    assert [encoding.bytes(384) for encoding in ENCODINGS] == [4 * 384, 384 + 8, 384 / 2 + 8, 384 / 8 + 8]


def test_memory_and_nodes() -> None:
    assumed = Assumptions.with_values(
        ["dimension=100", "links=10", "distinct_words=5", "point_bytes=20", "replicas=3", "node_memory=1e6"]
    )
    fp32 = engine_plan(1000, ENCODINGS[0], assumed)
    assert fp32.memory == pytest.approx(1000 * 3 * (400 + 10 * 2 * 4 * 1.1 + 5 * 8 + 20))
    assert fp32.nodes == 3, "1.644 MB in nodes that take 0.7 MB each"
    assert engine_plan(1, ENCODINGS[0], assumed).nodes == 3, "a node a copy"


def test_database_and_ingest() -> None:
    assumed = Assumptions.with_values(
        ["sentences=4", "dimension=10", "words=3", "text_bytes=100", "row_bytes=50", "table_growth=2"]
    )
    assert database_bytes(7, assumed) == 7 * 2 * (5 * 10 * 2 + 2 * 4 * 3 + 100 + 50)
    slow = Assumptions.with_values(["workers=2", "passages_second=5", "commits_second=1e9"])
    assert ingest_seconds(1000, slow) == 100
    shared = Assumptions.with_values(["workers=1e9", "commits_second=2", "passages_document=10"])
    assert ingest_seconds(1000, shared) == 50, "the row that all writers share"


def test_what_breaks_first_can_be_another() -> None:
    small_disk = Assumptions.with_values(["database_bytes=1e9"])
    used = limits(1e6, 2, small_disk)
    assert max(used, key=lambda name: used[name]) == "disk of one PostgreSQL primary"
    assert "disk of one PostgreSQL primary breaks first" in plan_table(1e6, small_disk)


@pytest.mark.parametrize("given", ["nonsense=1", "workers=many", "workers=0", "workers=inf", "workers"])
def test_what_is_no_assumption_is_refused(given: str) -> None:
    with pytest.raises(PlanError):
        Assumptions.with_values([given])


def test_all_assumptions_are_listed() -> None:
    text = describe(Assumptions.with_values(["workers=3"]))
    assert "workers=3 " in text
    assert len(text.splitlines()) == len(Assumptions.__dataclass_fields__)

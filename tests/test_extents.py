"""Sets of characters behave like sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.extents import Extent

intervals = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 30), st.integers(0, 30)), max_size=6
)


def characters(extent: Extent) -> set[tuple[str, int]]:
    return {(document, i) for document, start, end in extent.intervals for i in range(start, end)}


@given(intervals, intervals)
def test_extents_are_sets(left: list[tuple[str, int, int]], right: list[tuple[str, int, int]]) -> None:
    a, b = Extent.of(left), Extent.of(right)
    assert characters(a) == {(d, i) for d, start, end in left for i in range(start, end)}
    assert len(a) == len(characters(a))
    assert characters(a | b) == characters(a) | characters(b)
    assert characters(a & b) == characters(a) & characters(b)
    assert characters(a - b) == characters(a) - characters(b)
    for one in (a | b, a & b, a - b):
        assert one == Extent.of(one.intervals), "equal sets have equal intervals"


def test_share_in() -> None:
    assert Extent.of([("a", 0, 8)]).share_in(Extent.of([("a", 2, 4), ("b", 0, 8)])) == 2 / 8
    assert Extent().share_in(Extent()) == 1

"""What an index of some size takes: a small model with every assumption a named number.

The engine keeps one quantised vector a passage, its graph and its words in memory and the exact vectors on disk;
PostgreSQL keeps texts, half-float vectors of passages and sentences, and words. `tools/measure_cluster.py` prints
what was measured beside what this model says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

GB = 1e9
MONTH_HOURS = 730.0


class PlanError(Exception):
    """An assumption is unknown or its value is no positive number."""


def _assumed(default: float, meaning: str) -> float:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the plan rests on. Those with a star differ from text to text: `tools/measure_cluster.py` prints them."""

    dimension: float = _assumed(384, "numbers in a vector")
    sentences: float = _assumed(4.5, "sentences in a passage *")
    words: float = _assumed(75, "words that are looked up in a passage *")
    distinct_words: float = _assumed(60, "different ones of them *")
    text_bytes: float = _assumed(700, "compressed source and reading a passage *")
    row_bytes: float = _assumed(260, "PostgreSQL's own bytes a passage: headers, ids, two indexes")
    table_growth: float = _assumed(1.15, "a table with the dead rows that await cleaning / without")
    links: float = _assumed(
        16, "links a node of the engine's graph (HNSW m); the lowest level has twice as many"
    )
    point_bytes: float = _assumed(
        120, "the engine's own bytes a point in memory: ids, payload and its indexes"
    )
    memory_used: float = _assumed(0.7, "share of a node's memory that data may take")
    node_memory: float = _assumed(64 * GB, "bytes of memory in a node of the engine")
    node_hour: float = _assumed(0.50, "cost of such a node an hour")
    replicas: float = _assumed(2, "copies of each point")
    database_hour: float = _assumed(1.00, "cost of a PostgreSQL server an hour; there are two")
    database_bytes: float = _assumed(16e12, "what one PostgreSQL primary holds")
    disk_month: float = _assumed(0.10, "cost of a GB of disk a month")
    workers: float = _assumed(16, "ingest worker processes, one a core")
    passages_second: float = _assumed(20, "passages that a worker embeds a second, with their sentences *")
    worker_hour: float = _assumed(0.05, "cost of a core for a worker an hour")
    ingest_days: float = _assumed(30, "how long the first ingest may take")
    passages_document: float = _assumed(80, "passages in a document")
    commits_second: float = _assumed(300, "documents a second that the row all writers share lets through")
    largest_cluster: float = _assumed(100, "nodes of the engine that one cluster bears")

    @classmethod
    def with_values(cls, given: Sequence[str]) -> Assumptions:
        """Return the assumptions with `NAME=VALUE` for some. Raises `PlanError`."""
        known = {each.name for each in fields(cls)}
        values: dict[str, float] = {}
        for text in given:
            name, _, value = text.partition("=")
            if name not in known:
                raise PlanError(f"there is no assumption {name!r}: known are {', '.join(sorted(known))}")
            try:
                values[name] = float(value)
            except ValueError as error:
                raise PlanError(f"{name} is {value!r}: write a number") from error
            if not (values[name] > 0 and math.isfinite(values[name])):
                raise PlanError(f"{name} is {value}: it must be a positive number")
        return replace(cls(), **values)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the engine keeps vectors in memory: bits a number, and bytes beside them a vector."""

    name: str
    bits: float
    beside: float = 0.0

    def bytes(self, dimension: float) -> float:
        """Return the bytes of one vector."""
        return dimension * self.bits / 8 + self.beside


ENCODINGS = (
    Encoding("fp32", 32),
    Encoding("SQ8", 8, 8),
    Encoding("4-bit", 4, 8),
    Encoding("RaBitQ", 1, 8),
)
"""SQ8 and 4-bit have a scale and an offset beside a vector, RaBitQ (one bit) its norm and an inner product."""


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """What the engine takes with one encoding."""

    encoding: str
    vector_bytes: float
    memory: float
    nodes: int


def engine_plan(passages: float, encoding: Encoding, assumed: Assumptions) -> EnginePlan:
    """Return the memory of all copies, and the nodes that hold it; never fewer nodes than copies."""
    words = assumed.distinct_words * 8
    vector = encoding.bytes(assumed.dimension)
    memory = passages * assumed.replicas * (vector + _graph(assumed) + words + assumed.point_bytes)
    nodes = math.ceil(memory / (assumed.node_memory * assumed.memory_used))
    return EnginePlan(encoding.name, vector, memory, max(nodes, int(assumed.replicas)))


def database_bytes(passages: float, assumed: Assumptions) -> float:
    """Return what PostgreSQL takes on disk, without its copy."""
    vectors = (1 + assumed.sentences) * assumed.dimension * 2
    words = 2 * 4 * assumed.words
    return passages * assumed.table_growth * (vectors + words + assumed.text_bytes + assumed.row_bytes)


def engine_disk_bytes(passages: float, assumed: Assumptions) -> float:
    """Return what the engine takes on disk, all copies: exact half-float vectors, the graph and words."""
    exact, words = assumed.dimension * 2, assumed.distinct_words * 8
    return passages * assumed.replicas * (exact + _graph(assumed) + words + assumed.point_bytes)


def _graph(assumed: Assumptions) -> float:
    """Return the bytes of a point's links: twice `links` on the lowest level, a tenth more above it."""
    return assumed.links * 2 * 4 * 1.1


def ingest_seconds(passages: float, assumed: Assumptions) -> float:
    """Return how long the first ingest takes: embedding, or the row that all writers share."""
    embedding = passages / (assumed.workers * assumed.passages_second)
    return max(embedding, passages / assumed.passages_document / assumed.commits_second)


def month_cost(passages: float, nodes: int, assumed: Assumptions) -> float:
    """Return the cost of a month of serving, without the ingest."""
    disk = 2 * database_bytes(passages, assumed) + engine_disk_bytes(passages, assumed)
    hours = nodes * assumed.node_hour + 2 * assumed.database_hour
    return hours * MONTH_HOURS + disk / GB * assumed.disk_month


def limits(passages: float, nodes: int, assumed: Assumptions) -> dict[str, float]:
    """Return how much of each limit is used: the largest breaks first, from 1 on."""
    return {
        "nodes of the engine": nodes / assumed.largest_cluster,
        "disk of one PostgreSQL primary": database_bytes(passages, assumed) / assumed.database_bytes,
        "time of the first ingest": ingest_seconds(passages, assumed) / (assumed.ingest_days * 86_400),
    }


def plan_table(passages: float, assumed: Assumptions) -> str:
    """Return the plan for so many passages, as text."""
    plans = [engine_plan(passages, encoding, assumed) for encoding in ENCODINGS]
    lines = [
        f"{passages:,.0f} passages",
        "",
        "| vectors in memory | bytes each | memory GB | nodes | cost a month |",
    ]
    lines.append("|---|---|---|---|---|")
    for each in plans:
        cost = month_cost(passages, each.nodes, assumed)
        lines.append(
            f"| {each.encoding} | {each.vector_bytes:,.0f} | {each.memory / GB:,.1f} | {each.nodes:,} | {cost:,.0f} |"
        )
    hours = ingest_seconds(passages, assumed) / 3600
    used = limits(passages, plans[1].nodes, assumed)
    first = max(used, key=lambda name: used[name])
    lines += [
        "",
        f"PostgreSQL: {database_bytes(passages, assumed) / GB:,.1f} GB on disk, and as much for its copy.",
        f"Engine: {engine_disk_bytes(passages, assumed) / GB:,.1f} GB on disk.",
        f"First ingest: {hours:,.1f} h with {assumed.workers:.0f} workers, "
        f"{hours * assumed.workers * assumed.worker_hour:,.0f} in cost.",
        f"With SQ8 {first} {'breaks' if used[first] >= 1 else 'would break'} first: {used[first]:.1%} of it is used.",
        "",
    ]
    return "\n".join(lines)


def describe(assumed: Assumptions) -> str:
    """Return the assumptions with their values, one a line."""
    lines = [
        f"{each.name}={getattr(assumed, each.name):g}  {each.metadata['meaning']}" for each in fields(assumed)
    ]
    return "\n".join([*lines, ""])

"""What is known of a running service: metrics, a log line for each request, spans where they are collected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from time import perf_counter, time_ns

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import LOGGER
from service.scopes import route_of
from service.types import Answer, Timings

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGES = ("embed", "search", "answer")
_log = logging.getLogger(LOGGER)
_tracer = trace.get_tracer("pincite")
_notes: ContextVar[dict[str, object] | None] = ContextVar("notes", default=None)
"""What the log line of the present request will say of its answer."""


class Metrics:
    """The metrics of one service, in a registry of their own. `gauges` are read whenever somebody looks."""

    def __init__(self, gauges: Callable[[], dict[str, float]]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pincite_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "pincite_request_seconds",
            "Time to the end of the response.",
            ("route",),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.stages = Histogram(
            "pincite_stage_seconds",
            "Time of a stage of an answer.",
            ("stage",),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.answers = Counter("pincite_answers", "Answers by status.", ("status",), registry=self.registry)
        self.registry.register(_Gauges(gauges))


class _Gauges(Collector):
    def __init__(self, read: Callable[[], dict[str, float]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for name, value in self._read().items():
            yield GaugeMetricFamily(f"pincite_{name}", f"Number of {name.replace('_', ' ')}.", value)


def observe_answers(metrics: Metrics, *, with_questions: bool) -> Callable[[Answer, str], None]:
    """Return what an answerer calls with each answer and its question."""

    def observe(answer: Answer, question: str) -> None:
        metrics.answers.labels(answer.status).inc()
        for stage in _STAGES:
            metrics.stages.labels(stage).observe(getattr(answer.timings_ms, stage) / 1000)
        _add_spans(answer.timings_ms)
        notes = _notes.get()
        if notes is not None:
            notes |= {"answer_id": answer.answer_id, "answer": answer.status}
            if with_questions:
                notes["question"] = question

    return observe


def _add_spans(timings: Timings) -> None:
    """Add what the stages took to the span of the present request, where there is one."""
    if not trace.get_current_span().is_recording():
        return
    start = time_ns() - int(timings.total * 1e6)
    for stage in _STAGES:
        span = _tracer.start_span(f"pincite {stage}", start_time=start)
        start += int(getattr(timings, stage) * 1e6)
        span.end(start)


class Observe:
    """ASGI middleware that counts, times and logs each request."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, logging: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._logging = logging

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = perf_counter()
        status = 500
        notes: dict[str, object] = {}
        token = _notes.set(notes)

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _notes.reset(token)
            self._note(scope, status, perf_counter() - start, notes)

    def _note(self, scope: Scope, status: int, seconds: float, notes: dict[str, object]) -> None:
        route = route_of(scope["path"])
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if self._logging:
            state = scope.get("state", {})
            fields = {
                "request_id": state.get("request_id"),
                "method": method,
                "path": scope["path"][:500],
                "status": status,
                "ms": round(seconds * 1000, 2),
                "caller": state.get("caller") or (scope.get("client") or ("unknown",))[0],
            }
            _log.info("request", extra={"fields": fields | notes})


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

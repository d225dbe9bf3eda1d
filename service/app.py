"""The HTTP service: its routers, what stands before them, and its description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service import (
    routes_admin,
    routes_answers,
    routes_ask,
    routes_documents,
    routes_jobs,
    routes_login,
    routes_mcp,
    routes_openai,
)
from service.access import Access
from service.answering import Answerer
from service.extras import extra
from service.gate import Gate
from service.jobs import Jobs
from service.ledger import Ledger
from service.limits import Admission, Load, RateLimit
from service.observing import Metrics, Observe, observe_answers
from service.page import page_routes
from service.problems import handle_problems
from service.schemas import BatchQuestion, NewDocument
from service.settings import Settings

DESCRIPTION = "Answers in your documents' own words, with citations that name the exact place."


def create_app(answerer: Answerer, settings: Settings, ledger: Ledger | None = None) -> FastAPI:
    """Return the service around `answerer` and `ledger`, which stay the caller's to close.

    Without a ledger answers are not kept. Handlers find both as `app.state.answerer` and `app.state.ledger`.
    """
    app = FastAPI(
        title="Pincite",
        version="1",
        description=DESCRIPTION,
        redoc_url=None,
        lifespan=_while_it_runs,
        # Spans go where OTEL_EXPORTER_OTLP_ENDPOINT says, nowhere without it. Questions stand in the page's queries.
        telemetry={
            "auto_configure": True,
            "metrics": False,
            "logs": False,
            "exclude": lambda scope: bool(scope.get("query_string")),
        },
    )
    app.state.answerer = answerer
    app.state.settings = settings
    app.state.ledger = ledger
    app.state.jobs = Jobs(ledger, most_bytes=2 * settings.max_body_bytes)
    for routes in (
        routes_ask,
        routes_answers,
        routes_documents,
        routes_jobs,
        routes_login,
        routes_admin,
        routes_openai,
    ):
        app.include_router(routes.router)
    app.include_router(page_routes(answerer))
    if routes_mcp.is_installed():
        app.include_router(routes_mcp.mcp_routes(answerer, settings, ledger))
    if ledger is not None and settings.slack_signing_secret is not None:
        with extra("slack"):
            from service.slack_server import slack_routes
        app.include_router(slack_routes(answerer, ledger, settings))
    _put_before(app, settings)
    handle_problems(app)
    _describe(app)
    return app


def _put_before(app: FastAPI, settings: Settings) -> None:
    """Add what stands before every request; what is added last comes first."""
    state = app.state
    load = Load(settings.at_once, settings.waiting)

    def gauges() -> dict[str, float]:
        index = state.answerer.info()
        return {
            "documents": index.documents,
            "passages": index.passages,
            "requests_running": load.running,
            "requests_waiting": load.waiting,
            "jobs_waiting": state.jobs.waiting(),
        }

    state.metrics = Metrics(gauges)
    state.answerer.observe = observe_answers(state.metrics, with_questions=settings.log_questions)
    app.add_middleware(Admission, load=load)
    app.add_middleware(RateLimit, rate=settings.rate, burst=settings.burst)
    app.add_middleware(Access, ledger=state.ledger, settings=settings)
    app.add_middleware(Gate, max_body_bytes=settings.max_body_bytes, body_seconds=settings.body_seconds)
    app.add_middleware(Observe, metrics=state.metrics, logging=settings.log_requests)


@asynccontextmanager
async def _while_it_runs(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.jobs.close()


def _describe(app: FastAPI) -> None:
    """Complete the OpenAPI description by what FastAPI cannot see in the code."""
    description = app.openapi()
    for model in (NewDocument, BatchQuestion):
        description["components"]["schemas"][model.__name__] = model.model_json_schema()
    for operations in description["paths"].values():
        for operation in operations.values():
            problem = operation["responses"].get("default", {}).get("content", {})
            if "application/json" in problem:
                problem["application/problem+json"] = problem.pop("application/json")
            operation["responses"].pop("422", None)

"""What is known of a running service: metrics, log lines without questions, spans over a real connection."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.logs import LOGGER, JsonFormatter
from service.refusal import Refusal
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SECRET = 'Who is\n{"level": "error"} the mole?'


@pytest.fixture
def answerer(library: Library) -> Answerer:
    library.add(b"The office opens at nine.", "a.txt")
    return Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))


def read(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    formatter = JsonFormatter()
    texts = [formatter.format(record) for record in caplog.records if record.name == LOGGER]
    assert not any("\n" in text for text in texts), "one line each"
    return [json.loads(text) for text in texts]


def samples(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_answers_stages_and_sizes_are_counted(answerer: Answerer) -> None:
    with TestClient(create_app(answerer, Settings())) as client:
        client.post("/v1/ask", json={"question": "When does the office open?"})
        client.post("/v1/ask", json={"question": "When does the office open?", "stream": True})
        client.post("/v1/ask", json={"question": ""})
        client.get("/v1/documents/nowhere")
        client.get("/wp-admin/0001")
        found = samples(client)
    counted = {
        (dict(labels)["route"], dict(labels)["status"]): value
        for (name, labels), value in found.items()
        if name == "pincite_requests_total"
    }
    assert counted == {
        ("/v1/ask", "200"): 2, ("/v1/ask", "422"): 1, ("/v1/documents/{document_id}", "404"): 1, ("other", "404"): 1,
    }  # fmt: skip
    assert found["pincite_answers_total", (("status", "answered"),)] == 2
    for stage in ("embed", "search", "answer"):
        assert found["pincite_stage_seconds_count", (("stage", stage),)] == 2
    assert found["pincite_request_seconds_count", (("route", "/v1/ask"),)] == 3
    sizes = [
        found[f"pincite_{name}", ()] for name in ("documents", "passages", "requests_running", "jobs_waiting")
    ]
    assert sizes == [1, 1, 0, 0]


def test_each_app_has_its_own_metrics(answerer: Answerer) -> None:
    for _ in range(2):
        with TestClient(create_app(answerer, Settings())) as client:
            client.post("/v1/ask", json={"question": "a"})
            assert samples(client)["pincite_answers_total", (("status", "answered"),)] == 1


@pytest.mark.parametrize("with_questions", [False, True])
def test_row_56_a_request_is_one_line_and_its_question_stays_out(
    answerer: Answerer, caplog: pytest.LogCaptureFixture, with_questions: bool
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    with TestClient(create_app(answerer, Settings(log_questions=with_questions))) as client:
        for stream in (False, True):
            response = client.post("/v1/ask", json={"question": SECRET, "stream": stream})
        client.get("/v1/documents/a%0a%7b%22level%22:%22error%22%7d")
    asked, streamed, listed = read(caplog)
    for line in (asked, streamed):
        assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/ask", 200)
        assert (line["level"], line["answer"], line["caller"]) == ("info", "answered", "testclient")
        assert line["ms"] > 0
        if with_questions:
            assert line["question"] == 'Who is {"level": "error"} the mole?'
        else:
            assert "mole" not in json.dumps(line)
    assert streamed["request_id"] == response.headers["x-request-id"]
    assert (listed["path"], listed["level"]) == ('/v1/documents/a\n{"level":"error"}', "info")


def test_a_fault_is_logged_with_its_trace_under_the_request_id(
    answerer: Answerer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answerer, "answer", lambda *_, **__: 1 / 0)
    with TestClient(create_app(answerer, Settings()), raise_server_exceptions=False) as client:
        body = client.post("/v1/ask", json={"question": "a"}).json()
    (fault,) = [line for line in read(caplog) if line["level"] == "error"]
    assert body["request_id"] in fault["message"]
    assert "ZeroDivisionError" in fault["trace"]


def test_nothing_is_logged_where_that_is_wanted(answerer: Answerer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    with TestClient(create_app(answerer, Settings(log_requests=False))) as client:
        client.post("/v1/ask", json={"question": "a"})
    assert read(caplog) == []


SPANS = """
import sys
sys.path.insert(0, "tests")
from pathlib import Path
from fastapi.testclient import TestClient
from tiny import TinyEmbedder
from index.library import Library
from service.answering import Answerer
from service.app import create_app
from service.settings import Settings
library = Library.create(Path(sys.argv[1]), TinyEmbedder())
library.add(b"The office opens at nine.", "a.txt")
with TestClient(create_app(Answerer(library), Settings())) as client:
    assert client.post("/v1/ask", json={"question": "The mole?"}).status_code == 200
    assert client.get("/?q=The+mole").status_code == 200
library.close()
print("opentelemetry.sdk" in sys.modules)
"""


def send_spans(folder: Path, **environment: str) -> bool:
    """Ask a service in a process of its own; say whether it loaded what sends spans."""
    run = subprocess.run(
        [sys.executable, "-c", SPANS, str(folder)],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout.strip() == "True"


def test_spans_go_to_the_collector_that_is_named_and_hold_no_question(tmp_path: Path) -> None:
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        assert send_spans(
            tmp_path / "index", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_COMPRESSION="none"
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    spans = [
        span
        for data in received
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    by_name = {span.name: span for span in spans}
    root = by_name["POST /v1/ask"]
    for stage in ("embed", "search", "answer"):
        span = by_name[f"pincite {stage}"]
        assert span.trace_id == root.trace_id
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    assert not any(b"mole" in data for data in received)


def test_without_a_collector_nothing_that_sends_is_loaded(tmp_path: Path) -> None:
    assert not send_spans(tmp_path / "index")

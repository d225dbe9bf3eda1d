"""Load by wrk, which takes little of the processors that the service needs (Debian package `wrk`)."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from eval.errors import EvaluationError
from eval.load import Load
from eval.serving import ASK, Service

_SCRIPT = """
wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
local bodies, turn = {%s}, 0
request = function()
  turn = turn %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[turn])
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("pincite %%d %%d %%f %%f %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


def by_wrk(service: Service, questions: Sequence[str], clients: int, seconds: float) -> Load:
    """Ask `questions` in turn over `clients` connections for so many whole seconds.

    A service that takes no connections any more is a zero, and an error.
    """
    if shutil.which("wrk") is None:
        raise EvaluationError("wrk is not installed: apt-get install wrk")
    bodies = ",".join(f"[==[{json.dumps({'question': question})}]==]" for question in questions)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "ask.lua"
        script.write_text(_SCRIPT % bodies, "utf-8")
        options = [
            "-t1",
            f"-c{clients}",
            f"-d{max(round(seconds), 1)}s",
            "--timeout",
            "30s",
            "-s",
            str(script),
        ]
        url = f"http://127.0.0.1:{service.port}{ASK}"
        run = subprocess.run(["wrk", *options, url], check=False, capture_output=True, text=True)
    found = re.search(r"^pincite (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)$", run.stdout, re.MULTILINE)
    if run.returncode and "connect" in run.stderr + run.stdout:
        return Load(clients, 0, 0.0, math.inf, math.inf, 1)
    if found is None:
        raise EvaluationError(f"wrk gave no figures for {service.name}: {(run.stdout + run.stderr)[-300:]}")
    requests, microseconds, p50, p99, errors = map(float, found.groups())
    return Load(clients, int(requests), requests / microseconds * 1e6, p50 / 1000, p99 / 1000, int(errors))

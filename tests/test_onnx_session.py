"""Nothing is sent anywhere, by the runtime either."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from index.conversion import prepare

ROOT = Path(__file__).resolve().parent.parent
USE = "from index.embedding import open_embedder; open_embedder().embed_question('Is anybody listening?')"


def test_the_runtime_keeps_no_device_id_and_no_events(tmp_path: Path) -> None:
    """As on a user's machine: the CI variable, say, would switch telemetry off by itself."""
    environment = {
        "HOME": str(tmp_path),
        "PINCITE_CACHE": str(prepare("all-MiniLM-L6-v2").path.parent),
        "PYTHONPATH": str(ROOT),
        "PINCITE_NATIVE": "off",
    }
    run = subprocess.run(
        [sys.executable, "-c", USE], capture_output=True, text=True, env=environment, check=True
    )
    assert "telemetry" not in run.stderr.lower()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

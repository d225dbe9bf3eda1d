"""The shape of the house: imports run one way, and nothing heavy is loaded that is not needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ORDER = ["ingest", "index", "service", "eval"]


@pytest.mark.parametrize("package", ORDER)
def test_imports_run_one_way(package: str) -> None:
    forbidden = set(ORDER[ORDER.index(package) + 1 :])
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name} imports relatively"
                names = [node.module or ""]
            assert not {name.partition(".")[0] for name in names} & forbidden, f"{path} imports {names}"


def test_only_one_module_knows_faiss() -> None:
    users = {
        path.name
        for folder in ORDER
        for path in (ROOT / folder).rglob("*.py")
        if "import faiss" in path.read_text()
    }
    assert users == {"vectors.py", "baseline.py", "peer_server.py"}, (
        "the yardsticks are services of their own"
    )


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("service.cli", ["fastapi", "faiss", "numpy", "onnxruntime", "torch", "langchain_text_splitters"]),
        (
            "service.server",
            ["torch", "sentence_transformers", "langchain_text_splitters", "onnx", "transformers"],
        ),
        ("service.bootstrap", ["qdrant_client", "psycopg", "psycopg_pool", "grpc"]),
        ("eval.cli", ["qdrant_client", "psycopg", "psycopg_pool", "grpc"]),
    ],
)
def test_start_up_imports_nothing_heavy(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]"

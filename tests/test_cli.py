"""The command line and the server as people run them: real processes, the real model, a real socket."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
PINCITE = [sys.executable, "-c", "from service.cli import main; main()"]


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PINCITE, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


@contextmanager
def serving(index: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the server on a free port; give its address once it says that it answers."""
    process = subprocess.Popen(
        [*PINCITE, "serve", "--index", str(index), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://[\d.]+:\d+", line)
        assert found, line + process.stderr.read()
        yield found.group(), process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "index"
    made = run("ingest", "documents", "--index", folder)
    assert made.returncode == 0, made.stderr
    assert "1 added, 0 replaced, 0 unchanged, 0 failed" in made.stderr
    return folder


def test_ask_prints_the_answer_and_numbered_sources(index: Path) -> None:
    asked = run("ask", "How do I remove a document?", "--index", index)
    assert asked.returncode == 0, asked.stderr
    assert "pincite remove ID" in asked.stdout
    assert re.search(r"^\[1\] The Pincite handbook, .*, line \d+", asked.stdout, re.MULTILINE)
    assert "\x1b[" not in asked.stdout, "no colours where no terminal is"


def test_ask_says_when_the_documents_do_not(index: Path) -> None:
    asked = run("ask", "Who won the football world cup in 1990?", "--index", index)
    assert asked.returncode == 1
    assert asked.stdout.startswith("The documents do not say.")


def test_json_is_the_body_of_the_http_answer(index: Path) -> None:
    question = "How large may a request be?"
    printed = json.loads(run("ask", question, "--index", index, "--json").stdout)
    with serving(index) as (address, _):
        sent = httpx.post(f"{address}/v1/ask", json={"question": question}).json()
    for body in (printed, sent):
        del body["timings_ms"]
    assert printed == sent


def test_unchanged_documents_are_skipped_and_changed_ones_replaced(tmp_path: Path) -> None:
    folder, index = tmp_path / "notes", tmp_path / "index"
    folder.mkdir()
    (folder / "a.md").write_text("# One\n\nThe first version.")
    (folder / "b.txt").write_text("Another note.")
    assert "2 added" in run("ingest", folder, "--index", index).stderr
    (folder / "a.md").write_text("# One\n\nThe second version.")
    assert "0 added, 1 replaced, 1 unchanged" in run("ingest", folder, "--index", index).stderr
    listed = run("documents", "--index", index).stdout
    assert len(listed.splitlines()) == 3
    document_id = listed.splitlines()[1].split()[0]
    assert run("remove", document_id, "--index", index).returncode == 0
    assert run("remove", document_id, "--index", index).returncode == 3
    assert document_id not in run("documents", "--index", index).stdout


def test_what_cannot_be_read_is_named_and_the_rest_goes_in(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A readable note.")
    (tmp_path / "b.txt").write_bytes(b"\x7fELF\x02\x01")
    (tmp_path / "c.txt").symlink_to(tmp_path / "a.txt")
    made = run(
        "ingest", tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt", "--index", tmp_path / "index"
    )
    assert made.returncode == 4
    assert "1 added, 0 replaced, 0 unchanged, 1 failed" in made.stderr
    assert re.search(r"skipped .*b\.txt: ", made.stderr)
    assert re.search(r"skipped .*c\.txt: a link", made.stderr)


def test_wrong_use_and_missing_indexes_have_their_own_exit_codes(tmp_path: Path, index: Path) -> None:
    missing = run("ask", "Anything?", "--index", tmp_path / "nowhere")
    assert (missing.returncode, "there is no index" in missing.stderr) == (3, True)
    assert not (tmp_path / "nowhere").exists()
    empty = run("ask", " ", "--index", index)
    assert (empty.returncode, "the question is empty" in empty.stderr) == (2, True)
    assert run("ask").returncode == 2


def test_row_60_unknown_and_malformed_settings_are_named(index: Path) -> None:
    unknown = run("documents", "--index", index, PINCITE_INDX="x")
    assert (unknown.returncode, "there is no setting PINCITE_INDX" in unknown.stderr) == (2, True)
    malformed = run("documents", "--index", index, PINCITE_PORT="eighty")
    assert (malformed.returncode, "PINCITE_PORT is 'eighty'" in malformed.stderr) == (2, True)


def test_the_server_answers_as_soon_as_it_says_so_and_stops_when_told(index: Path) -> None:
    with serving(index) as (address, process):
        answer = httpx.post(f"{address}/v1/ask", json={"question": "How do I add a document?"}).json()
        assert answer["status"] == "answered"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_ingest_by_another_process_is_seen_by_the_server(index: Path, tmp_path: Path) -> None:
    (tmp_path / "zebra.txt").write_text("The zebra crossing on Mill Street is repainted every April.")
    with serving(index) as (address, _):
        assert run("ingest", tmp_path / "zebra.txt", "--index", index).returncode == 0
        answer = httpx.post(
            f"{address}/v1/ask", json={"question": "When is the zebra crossing repainted?"}
        ).json()
        assert "April" in answer["answer"]
        document_id = answer["citations"][0]["document_id"]
        assert httpx.delete(f"{address}/v1/documents/{document_id}").status_code == 204


def test_read_shows_the_text_and_what_was_repaired(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# Birds\n\nHerons come in the\n\n<sup>1</sup> A note.\n\nspring and nest in reeds.\n"
    )
    shown = run("read", tmp_path / "a.md").stdout
    assert "Herons come in the spring and nest in reeds." in shown
    assert "joined" in shown
    difference = run("read", tmp_path / "a.md", "--diff").stdout
    assert "+" in difference
    assert "# Birds" not in difference

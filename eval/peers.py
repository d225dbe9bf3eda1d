"""Pincite beside what people would pick instead, each in an environment of its own: `python -m eval.peers`.

The same passages are indexed by all and the same questions asked over HTTP, by wrk. Pincite answers `/v1/ask` in
full; the others return the ten nearest passages. Environments are made once, with pinned versions, in the cache folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from eval.bench import PINCITE, compare, distinct_questions, report
from eval.growing import PARAGRAPHS, Writer
from eval.serving import serving
from eval.wrk import by_wrk
from index.conversion import cache_folder

PINNED = Path(__file__).parent / "peers.toml"
SERVER = Path(__file__).parent / "peer_server.py"


def main() -> None:
    """Make the environments and indexes, and print the comparison."""
    pinned = tomllib.loads(PINNED.read_text("utf-8"))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=[Path("documents/handbook.md")])
    parser.add_argument("--peers", nargs="+", choices=list(pinned), default=list(pinned))
    parser.add_argument("--passages", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    console = Console(width=130)
    writer = Writer([path.read_text("utf-8") for path in options.files])
    texts = [writer.document(number) for number in range(options.passages // PARAGRAPHS)]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        files = [folder / f"report-{number}.md" for number in range(len(texts))]
        for path, text in zip(files, texts, strict=True):
            path.write_text(text, "utf-8")
        questions = distinct_questions(files)
        passages = [part for text in texts for part in text.split("\n\n")[1:]]
        (folder / "passages.json").write_text(json.dumps(passages), "utf-8")
        index = str(folder / "index")
        subprocess.run([*PINCITE, "ingest", *map(str, files), "--index", index], check=True)
        serve = [*PINCITE, "serve", "--index", index, "--port", "{port}"]
        ours = serving("Pincite", serve, questions[0], {"PINCITE_ANSWER_CACHE": "0"})
        services = [stack.enter_context(ours)]
        for peer in options.peers:
            python = environment(peer, pinned[peer]["packages"], console)
            console.print(f"indexing with {peer} ...")
            command = [str(python), str(SERVER), peer]
            subprocess.run([*command, "build", name], check=True, capture_output=True)
            services.append(
                stack.enter_context(serving(peer, [*command, "serve", name, "{port}"], questions[0]))
            )
        measured = compare(services, questions, options.seconds, options.rounds, by_wrk)
    report(measured, "bench-peers", console, options.rounds)


def environment(peer: str, packages: Sequence[str], console: Console) -> Path:
    """Return the Python of a peer's environment, making it where it is missing or has other versions."""
    folder = cache_folder() / "peers" / peer
    wanted, done = "\n".join(packages), folder / "installed.txt"
    python = folder / "bin" / "python"
    if done.exists() and done.read_text("utf-8") == wanted:
        return python
    console.print(f"installing {peer} (a few minutes) ...")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "torch==2.13.0"], check=True)  # a bare torch brings gigabytes of GPU libraries
    subprocess.run([*pip, *packages], check=True)
    done.write_text(wanted, "utf-8")
    return python


if __name__ == "__main__":
    main()

"""Print how fast and how true the embedders are, and how fast the reader, one thread, in one interleaved run.

    python tools/bench_embedding.py [--rounds 5] [--passages 64] [--questions 60]

Texts are cut from the project's own documents, or from the file or folder given with --texts. CPU time is the
process's own, so that other work on the machine disturbs it less than wall time; ratios are of CPU times.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from index.conversion import prepare
from index.embedding import NativeEmbedder, OnnxEmbedder, SentenceTransformerEmbedder
from index.native import TARGETS, target
from index.onnx_session import open_session
from index.reader import MODELS, WINDOW_TOKENS, Reader
from index.weights import resolve_model

_DOCUMENTS = Path(__file__).resolve().parent.parent / "documents"


@dataclass
class Timed:
    """One embedder with what was measured of it, in seconds."""

    label: str
    question: Callable[[str], Any]
    passages: Callable[[list[str]], Any]
    question_wall: list[float] = field(default_factory=list)
    question_cpu: list[float] = field(default_factory=list)
    passages_cpu: list[float] = field(default_factory=list)


def main() -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"  # the tokenizer's; read at its first use
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passages", type=int, default=64)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--texts", type=Path, default=_DOCUMENTS)
    options = parser.parse_args()
    passages = read_passages(options.texts, options.passages)
    questions = [
        " ".join(text.split()[:12]) + "?" for text in read_passages(options.texts, options.questions)
    ]
    subjects = open_subjects()
    for _ in range(options.rounds):
        for subject in subjects:
            measure(subject, questions, passages)
    print_table(subjects, questions, passages)
    print_readers(options.rounds)


def open_subjects() -> list[Timed]:
    """Return the embedders to compare, the one that the others are compared with first."""
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    model = prepare("all-MiniLM-L6-v2")
    slow = SentenceTransformerEmbedder(resolve_model("all-MiniLM-L6-v2"))
    full = OnnxEmbedder(model, threads=1, question_precision="fp32", passage_precision="fp32")
    small = OnnxEmbedder(model, threads=1, question_precision="int8", passage_precision="int8")
    native = NativeEmbedder(model, threads=1)
    return [
        Timed("sentence-transformers fp32", slow.embed_question, slow.embed_passages),
        Timed("ONNX Runtime fp32", full.embed_question, full.embed_passages),
        Timed("ONNX Runtime int8", small.embed_question, small.embed_passages),
        Timed(f"native int8, {TARGETS[target()]}", native.embed_question, native.embed_passages),
    ]


def measure(subject: Timed, questions: list[str], passages: list[str]) -> None:
    """Add one round to what is known of `subject`."""
    subject.question(questions[0])
    for question in questions:
        wall, cpu = time.perf_counter(), time.process_time()
        subject.question(question)
        subject.question_cpu.append(time.process_time() - cpu)
        subject.question_wall.append(time.perf_counter() - wall)
    cpu = time.process_time()
    subject.passages(passages)
    subject.passages_cpu.append(time.process_time() - cpu)


def print_table(subjects: list[Timed], questions: list[str], passages: list[str]) -> None:
    base = subjects[0]
    exact = (np.stack([base.question(q) for q in questions]), base.passages(passages))
    print(f"one thread; {len(questions)} questions, {len(passages)} passages; load {os.getloadavg()[0]:.1f}")
    print(
        "| embedder | question p50 ms (CPU) | ratio | passages/s | ratio | cosine: question mean, min | passage mean, min |"
    )
    print("|---|---|---|---|---|---|---|")
    for subject in subjects:
        made = (np.stack([subject.question(q) for q in questions]), subject.passages(passages))
        cosines = [(one * other).sum(axis=1) for one, other in zip(exact, made, strict=True)]
        question, cpu = (statistics.median(t) for t in (subject.question_wall, subject.question_cpu))
        bulk = statistics.median(subject.passages_cpu)
        ratios = statistics.median(base.question_cpu) / cpu, statistics.median(base.passages_cpu) / bulk
        near = [f"{c.mean():.5f}, {c.min():.5f}" for c in cosines]
        print(
            f"| {subject.label} | {1e3 * question:.2f} ({1e3 * cpu:.2f}) | {ratios[0]:.1f} "
            f"| {len(passages) / bulk:.0f} | {ratios[1]:.1f} | {near[0]} | {near[1]} |"
        )


def print_readers(rounds: int) -> None:
    """Print what the reader takes for full pairs of WINDOW_TOKENS, on both runtimes."""
    networks = {
        "ONNX Runtime": open_session(MODELS / "reader.onnx", fuse=True, unfused=["SkipLayerNormFusion"]),
        f"native, {TARGETS[target()]}": Reader.open().network,
    }
    counts = (1, 2, 8)
    spent: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds * 6):
        for label, network in networks.items():
            for count in counts:
                batch = full_pairs(count)
                cpu = time.process_time()
                network.run(None, batch)
                spent.setdefault((label, count), []).append(time.process_time() - cpu)
    print("\n| reader, ms of CPU time for pairs of 128 tokens | " + " | ".join(map(str, counts)) + " |")
    print("|---" * (len(counts) + 1) + "|")
    for label in networks:
        times = [f"{1e3 * statistics.median(spent[label, count]):.2f}" for count in counts]
        print(f"| {label} | " + " | ".join(times) + " |")


def full_pairs(count: int) -> dict[str, Any]:
    """Return made pairs: a question of 12 tokens, then sentences of 24."""
    tokens = np.random.default_rng(count).integers(1996, 12000, (count, WINDOW_TOKENS))
    segments = np.repeat(2 + np.maximum(np.arange(WINDOW_TOKENS) - 13, 0)[None] // 24, count, axis=0)
    segments[:, :13] = segments[:, -1] = 1
    return {"tokens": tokens, "segments": segments, "slots": np.arange(2, segments.max() + 1)}


def read_passages(source: Path, count: int) -> list[str]:
    """Return `count` passages of about 800 characters, beginning at words; short sources are gone over again."""
    files = (
        sorted(p for p in source.rglob("*") if p.suffix in (".md", ".txt")) if source.is_dir() else [source]
    )
    text = re.sub(r"\s+", " ", " ".join(path.read_text("utf-8") for path in files))
    step = max(len(text) // count, 1)
    return [text[start : start + 800].partition(" ")[2] for start in range(0, step * count, step)]


if __name__ == "__main__":
    main()

"""Print what lower precision costs in retrieval: dense ranking alone, on ../shared/benchmarks.

    python tools/embedding_quality.py [--benchmarks ../shared/benchmarks]

Two pools: passages of about 800 characters from the chunking evaluation, where a passage is relevant if it
overlaps a reference; and the ClapNQ passages, where each question has its own.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.conversion import ConvertedModel, prepare
from index.embedding import NativeEmbedder, OnnxEmbedder
from index.types import Embedder, Vectors


@dataclass(frozen=True)
class Pool:
    """`relevant[i]` holds the numbers of the passages that answer `questions[i]`."""

    name: str
    questions: list[str]
    passages: list[str]
    relevant: list[set[int]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--benchmarks", type=Path, default=Path("../shared/benchmarks"))
    benchmarks = parser.parse_args().benchmarks
    model = prepare("all-MiniLM-L6-v2")
    print("| pool | questions | passages | runtime: questions, passages | nDCG@10 | recall@10 |")
    print("|---|---|---|---|---|---|")
    for pool in (chunking_evaluation(benchmarks), clapnq(benchmarks)):
        for label, embedder in embedders(model).items():
            questions = np.stack([embedder.embed_question(q) for q in pool.questions])
            ndcg, recall = quality(questions, embedder.embed_passages(pool.passages), pool.relevant)
            print(
                f"| {pool.name} | {len(pool.questions)} | {len(pool.passages)} "
                f"| {label} | {ndcg:.4f} | {recall:.4f} |"
            )


def embedders(model: ConvertedModel) -> dict[str, Embedder]:
    """Return what is compared, the exact one first."""
    return {
        "ONNX Runtime: fp32, fp32": OnnxEmbedder(model, question_precision="fp32"),
        "ONNX Runtime: int8, fp32": OnnxEmbedder(model),
        "ONNX Runtime: int8, int8": OnnxEmbedder(model, passage_precision="int8"),
        "native: int8, int8": NativeEmbedder(model),
    }


def quality(
    questions: Vectors, passages: Vectors, relevant: list[set[int]], k: int = 10
) -> tuple[float, float]:
    """Return nDCG@k with binary gains (Järvelin and Kekäläinen 2002) and recall@k, means over the questions."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ranked = np.argsort(-(questions @ passages.T), axis=1, kind="stable")[:, :k]
    ndcg, recall = [], []
    for row, wanted in zip(ranked, relevant, strict=True):
        hits = np.isin(row, list(wanted))
        ndcg.append(float((hits * discounts[: len(row)]).sum() / discounts[: len(wanted)].sum()))
        recall.append(float(hits.sum() / len(wanted)))
    return float(np.mean(ndcg)), float(np.mean(recall))


def chunking_evaluation(benchmarks: Path, length: int = 800) -> Pool:
    """Return the pool made of the corpora of the chunking evaluation."""
    folder = benchmarks / "chunking-evaluation"
    rows = _rows(folder / "questions.jsonl")
    passages: list[str] = []
    first: dict[str, int] = {}
    for corpus in sorted({row["corpus"] for row in rows}):
        text = (folder / f"{corpus}.md").read_text("utf-8")
        first[corpus] = len(passages)
        passages += [text[start : start + length] for start in range(0, len(text), length)]
    relevant = [
        {
            first[row["corpus"]] + number
            for reference in row["references"]
            for number in range(reference["start"] // length, (reference["end"] - 1) // length + 1)
        }
        for row in rows
    ]
    return Pool("chunking-evaluation", [row["question"] for row in rows], passages, relevant)


def clapnq(benchmarks: Path) -> Pool:
    """Return the pool made of the ClapNQ passages, answerable questions only."""
    rows = _rows(benchmarks / "clapnq" / "questions.jsonl")
    passages = list(dict.fromkeys(f"{row['title']}\n{row['passage']}" for row in rows))
    number = {passage: i for i, passage in enumerate(passages)}
    asked = [row for row in rows if any(row["selected"])]
    relevant = [{number[f"{row['title']}\n{row['passage']}"]} for row in asked]
    return Pool("clapnq", [row["question"] for row in asked], passages, relevant)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    main()

"""Measure the shipped reader: `python tools/eval_reader.py`. Prints the figures of docs/model-card.md.

Sets: the nine held-out SQuAD 2.0 articles, the shared half of ClapNQ, and a text with near misses written for
this. Nothing here was trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from reader_data import load, split_sentences  # noqa: E402

from index.reader import MODELS, Reader, Verdict  # noqa: E402

SHARED = ROOT.parent / "shared"


def near_misses(reader: Reader) -> dict[str, float]:
    """AUROC over the hand-written questions; a question is as answerable as its best passage."""
    text = json.loads((ROOT / "tools" / "near_misses.json").read_text("utf-8"))
    scores = {
        k: [_best(reader.read(q, text["passages"])) for q in text[k]] for k in ("answerable", "unanswerable")
    }
    return {"AUROC": _auroc(scores["answerable"], scores["unanswerable"]), **_refused(**scores)}


def squad(reader: Reader) -> dict[str, float]:
    """AUROC over the held-out SQuAD 2.0 articles, whose unanswerable questions are near misses."""
    scores: dict[bool, list[float]] = {True: [], False: []}
    for record in load(SHARED / "training")["squad2"]:
        if record.held_out and record.answerable is not None:
            sentences = [record.passage[a:b] for a, b in split_sentences(record.passage)]
            scores[record.answerable].append(_best(reader.read(record.question, [sentences])))
    return {"questions": len(scores[True]) + len(scores[False]), "AUROC": _auroc(scores[True], scores[False])}


def clapnq(reader: Reader) -> dict[str, float]:
    """AUROC answerable against not on the gold passage, and sentence F1 (mean over annotators).

    The cut-off for sentences is the best of the other half of the questions.
    """
    lines = (SHARED / "benchmarks" / "clapnq" / "questions.jsonl").read_text("utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    verdicts = [reader.read(i["question"], [i["sentences"]])[0] for i in items]
    yes = [(i, v) for i, v in zip(items, verdicts, strict=True) if i["answerable"]]
    no = [v.answerable for i, v in zip(items, verdicts, strict=True) if not i["answerable"]]
    folds = (yes[::2], yes[1::2])
    found = []
    for here, other in (folds, folds[::-1]):
        cut = max(np.arange(0.05, 0.95, 0.05), key=lambda c: np.mean([_f1(i, v, c) for i, v in other]))
        found += [_f1(i, v, float(cut)) for i, v in here]
    return {"AUROC": _auroc([v.answerable for _, v in yes], no), "sentence F1": float(np.mean(found))}


def _f1(item: dict, verdict: Verdict, cut: float) -> float:
    """Sentences at least `cut` times the best one's score, against each annotator's; the mean F1."""
    top = max(verdict.sentences)
    chosen = {item["sentences"][i] for i, s in enumerate(verdict.sentences) if s >= cut * top}
    each = []
    for selected in item["selected"]:
        gold = {item["sentences"][s] if isinstance(s, int) else s for s in selected}
        each.append(2 * len(gold & chosen) / (len(gold) + len(chosen)))
    return float(np.mean(each))


def speed(reader: Reader) -> dict[str, float]:
    """Milliseconds for eight pairs of 128 tokens on one thread, the tokens cached."""
    passages = [[f"number {i} " + "the port " * 10 + "now" for _ in range(5)] for i in range(8)]
    times = []
    for _ in range(60):
        began = time.perf_counter()
        reader.read("which port is the largest one of them all today", passages)
        times.append(1000 * (time.perf_counter() - began))
    return {"median ms": float(np.median(times)), "least ms": min(times)}


def _best(verdicts: Sequence[Verdict]) -> float:
    return max(v.answerable for v in verdicts)


def _auroc(yes: Sequence[float], no: Sequence[float]) -> float:
    return float(roc_auc_score([1] * len(yes) + [0] * len(no), [*yes, *no]))


def _refused(answerable: list[float], unanswerable: list[float]) -> dict[str, float]:
    cut = float(np.quantile(answerable, 0.15))
    return {"refused at 15 % false": float(np.mean([s < cut for s in unanswerable]))}


def main() -> None:
    """Print every figure as JSON, one set a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODELS)
    reader = Reader.open(parser.parse_args().model)
    for measure in (near_misses, clapnq, squad, speed):
        print(measure.__name__, json.dumps({k: round(v, 3) for k, v in measure(reader).items()}), flush=True)
    print("size MB", round((MODELS / "reader.onnx").stat().st_size / 1e6, 1))


if __name__ == "__main__":
    main()

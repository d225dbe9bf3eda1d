"""Fits the refusal model and writes `service/refusal.json`: `python tools/fit_refusal.py`.

Learns from the `tune` halves of the two question sets, the shared half of ClapNQ, and questions of one benchmark
document asked of another (far ones); each source weighs the same, and so do answered and unanswered questions in
it. The threshold refuses FALSE_REFUSALS of the answered `tune` questions. Never reads a `test` half.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import orjson
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from index.embedding import open_embedder
from index.library import Library
from index.reader import Reader
from service.answering import Answerer
from service.refusal import FEATURES, FITTED

SHARED = Path("../shared")
SETS = Path("eval/questions")
PAPER = SHARED / "corpus" / "north-american-footprint.txt"
CHUNKING = SHARED / "benchmarks" / "chunking-evaluation"
FALSE_REFUSALS = 0.15
NEAR = ("near_miss", "false_premise")


def main() -> None:
    """Fit, print how well, write."""
    embedder, reader = open_embedder(), Reader.open()
    rows: list[list[float]] = []
    answered: list[bool] = []
    sources: list[str] = []
    kinds: list[str] = []

    def ask(source: str, documents: list[tuple[str, bytes]], questions: list[tuple[str, bool, str]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            library = Library.create(Path(folder) / "index", embedder)
            for name, data in documents:
                library.add(data, name, publishing=False)
            library.refresh()
            answerer = Answerer(library, reader=reader)
            for question, known, kind in questions:
                features = answerer.features(question)
                rows.append([features[name] for name in FEATURES])
                answered.append(known)
                sources.append(source)
                kinds.append(kind)
            library.close()

    ask("paper", [(PAPER.name, PAPER.read_bytes())], _tune("north-american-footprint"))
    handbook = Path("documents/handbook.md")
    ask("handbook", [(handbook.name, handbook.read_bytes())], _tune("handbook"))
    clapnq = _lines(SHARED / "benchmarks" / "clapnq" / "questions.jsonl")
    texts = [(f"{line['id']}.txt", f"{line['title']}\n\n{line['passage']}".encode()) for line in clapnq]
    ask("clapnq", texts, [(line["question"], bool(line["answerable"]), "clapnq") for line in clapnq])
    chunking = _lines(CHUNKING / "questions.jsonl")
    for corpus in ("state_of_the_union", "wikitexts"):
        data = (CHUNKING / f"{corpus}.md").read_bytes()
        questions = [(line["question"], line["corpus"] == corpus, "far") for line in chunking]
        ask(f"chunking: {corpus}", [(f"{corpus}.md", data)], questions)

    x, y = np.array(rows), np.array(answered)
    source, kind = np.array(sources), np.array(kinds)
    weights = np.zeros(len(y))
    for name in set(sources):
        for value in (False, True):
            chosen = (source == name) & (y == value)
            weights[chosen] = 1 / chosen.sum()
    weights *= len(y) / weights.sum()
    model = LogisticRegression(C=1.0)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    held_out = cross_val_predict(
        model, x, y, cv=folds, method="predict_proba", params={"sample_weight": weights}
    )[:, 1]
    model.fit(x, y, sample_weight=weights)
    tune = np.isin(source, ["paper", "handbook"])
    threshold = float(np.quantile(held_out[tune & y], FALSE_REFUSALS))
    for name in dict.fromkeys(sources):
        chosen = source == name
        near = chosen & (y | np.isin(kind, NEAR))
        refused = (held_out[chosen & ~y] < threshold).mean()
        print(
            f"{name}: {chosen.sum()} questions, AUROC {roc_auc_score(y[chosen], held_out[chosen]):.3f}"
            + (f", near {roc_auc_score(y[near], held_out[near]):.3f}" if len(set(y[near])) == 2 else "")
            + f", unanswered refused {refused:.2f}, answered refused {(held_out[chosen & y] < threshold).mean():.2f}"
        )
    fitted = {
        "intercept": round(float(model.intercept_[0]), 4),
        "weights": {name: round(float(w), 4) for name, w in zip(FEATURES, model.coef_[0], strict=True)},
        "threshold": round(threshold, 4),
    }
    FITTED.write_bytes(orjson.dumps(fitted, option=orjson.OPT_INDENT_2) + b"\n")
    print(FITTED, fitted)


def _tune(name: str) -> list[tuple[str, bool, str]]:
    lines = [line for line in _lines(SETS / f"{name}.jsonl") if line["split"] == "tune"]
    return [(line["question"], bool(line.get("facts")), line["kind"]) for line in lines]


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()

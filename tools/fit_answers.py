"""Fits what is cited and what is refused: `python tools/fit_answers.py` writes `service/choice.json` and
`service/refusal.json` and prints how well both do on questions that were left out of the fit.

Learns from `tools/answer_data.py`; each source weighs the same. The `beta` of the choice is the largest one that
keeps PRECISION of what is cited on the `tune` halves, the threshold refuses FALSE_REFUSALS of the answered `tune`
questions. Run again after every change of the reader, of retrieval or of a feature.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from answer_data import Asked, sources
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict

from eval.extents import Extent
from eval.metrics import covered, overlap
from eval.questions import Question
from index.embedding import open_embedder
from index.reader import MODELS, Reader
from index.search import rank
from service import choosing, refusal
from service.answering import AnswerParameters
from service.choosing import Choice, sentence_features
from service.close_reading import read_closely
from service.refusal import refusal_features

FALSE_REFUSALS = 0.1
PRECISION = 0.55
BETAS = (0.8, 1.0, 1.2, 1.4, 1.5, 1.6, 2.0)
PARAMETERS = AnswerParameters()


@dataclass(frozen=True, eq=False)
class Seen:
    """One question as the two models see it, and the extent of each sentence that was read."""

    source: str
    question: Question
    sentences: NDArray[np.float32]
    extents: tuple[Extent, ...]
    lengths: tuple[int, ...]
    refusal: tuple[float, ...]

    @property
    def labels(self) -> list[bool]:
        """Say of each sentence whether most of it is evidence."""
        ways = [evidence for fact in self.question.facts for evidence in fact.evidence]
        return [any(2 * len(e & way) >= len(e) for way in ways) for e in self.extents]


def main() -> None:
    """Fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODELS, help="folder of the reader")
    parser.add_argument("--work", type=Path, help="folder in which the indexes are kept for the next time")
    options = parser.parse_args()
    embedder, reader = open_embedder(), Reader.open(options.model)
    with tempfile.TemporaryDirectory() as temporary:
        seen = [
            one for asked in sources(options.work or Path(temporary), embedder) for one in look(asked, reader)
        ]
    fit_choice([one for one in seen if one.question.answerable and len(one.extents)])
    fit_refusal(seen)


def look(asked: Asked, reader: Reader) -> list[Seen]:
    """Rank, read and compute the features of every question of a source."""
    made, library = [], asked.library
    snapshot = library.snapshot()
    for question in asked.questions:
        ranking = rank(snapshot, question.text, library.embedder.embed_question(question.text))
        read = read_closely(reader, question.text, library, snapshot, ranking, PARAMETERS.passages_read)
        extents = []
        for place in read.places:
            parent, start, end, _ = snapshot.sentences[ranking.sentence_rows[place]].tolist()
            document = library.document(snapshot.documents[int(snapshot.passages[parent, 0])])
            spans = document.reading.source_spans(start, end)
            extents.append(Extent.of((document.record.sha256, s.start, s.end) for s in spans))
        features = refusal_features(snapshot, ranking, read)
        made.append(
            Seen(
                asked.name,
                question,
                sentence_features(question.text, snapshot, ranking, read),
                tuple(extents),
                tuple(map(len, read.texts)),
                tuple(features[name] for name in refusal.FEATURES),
            )
        )
    return made


def fit_choice(seen: Sequence[Seen]) -> None:
    """Fit the choice of sentences and write it."""
    x = np.concatenate([one.sentences for one in seen])
    y = np.concatenate([one.labels for one in seen])
    group = np.repeat(np.arange(len(seen)), [len(one.extents) for one in seen])
    counts: dict[str, int] = defaultdict(int)
    for one in seen:
        counts[one.source] += 1
    weights = np.array([1 / counts[seen[g].source] for g in group])
    weights *= len(weights) / weights.sum()
    model = LogisticRegression(C=1.0, max_iter=1000)
    left_out = cross_val_predict(
        model,
        x,
        y,
        groups=group,
        cv=GroupKFold(10),
        method="predict_proba",
        params={"sample_weight": weights},
    )[:, 1]
    model.fit(x, y, sample_weight=weights)
    best = BETAS[0]
    for beta in BETAS:
        figures = cited(seen, [left_out[group == g] for g in range(len(seen))], beta)
        print(
            f"beta {beta}: " + ", ".join(f"{k} {v[0]:.3f} {v[1]:.3f} {v[2]:.3f}" for k, v in figures.items())
        )
        tune = [name for name in ("paper", "handbook") for _ in range(counts[name])]
        if np.mean([figures[name][1] for name in tune]) >= PRECISION:
            best = beta
    fields = _fields(model, choosing.FEATURES) | {"beta": best}
    choosing.FITTED.write_bytes(orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n")
    print(choosing.FITTED.name, fields)


def cited(
    seen: Sequence[Seen], probabilities: Sequence[NDArray[np.float64]], beta: float
) -> dict[str, tuple[float, float, float]]:
    """Return by source the facts covered, the precision and the F1 of the characters, refusing nothing."""
    choice = Choice(0.0, {}, beta)
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for one, p in zip(seen, probabilities, strict=True):
        left, shown = PARAMETERS.citation_characters, []
        for at in np.argsort(-p)[: choice.count(np.asarray(p, np.float32))]:
            left -= one.lengths[at]
            if shown and left < 0:
                break
            shown.append(one.extents[at])
        extent = Extent.union(shown)
        measured = overlap(one.question, extent)
        facts = float(np.mean(covered(one.question.facts, extent)))
        found[one.source].append((facts, measured.precision, measured.f1))
    return {name: tuple(np.mean(values, axis=0).tolist()) for name, values in found.items()}


def fit_refusal(seen: Sequence[Seen]) -> None:
    """Fit the refusal and write it."""
    x = np.array([one.refusal for one in seen])
    y = np.array([one.question.answerable for one in seen])
    source = np.array([one.source for one in seen])
    weights = np.zeros(len(y))
    for name in set(source):
        for value in (False, True):
            chosen = (source == name) & (y == value)
            weights[chosen] = 1 / chosen.sum()
    weights *= len(y) / weights.sum()
    model = LogisticRegression(C=1.0, max_iter=1000)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    left_out = cross_val_predict(
        model, x, y, cv=folds, method="predict_proba", params={"sample_weight": weights}
    )[:, 1]
    model.fit(x, y, sample_weight=weights)
    tune = np.isin(source, ["paper", "handbook"])
    threshold = float(np.quantile(left_out[tune & y], FALSE_REFUSALS))
    for name in dict.fromkeys(source.tolist()):
        chosen = source == name
        near = chosen & np.array([one.question.answerable or one.question.near for one in seen])
        cut = np.quantile(left_out[chosen & y], 0.15)
        print(
            f"{name}: {chosen.sum()} questions, AUROC {roc_auc_score(y[chosen], left_out[chosen]):.3f}"
            + (f", near {roc_auc_score(y[near], left_out[near]):.3f}" if len(set(y[near])) == 2 else "")
            + f", refused at 15 % {(left_out[chosen & ~y] < cut).mean():.2f}, at the threshold "
            f"{(left_out[chosen & ~y] < threshold).mean():.2f} and of the answered {(left_out[chosen & y] < threshold).mean():.2f}"
        )
    fields = _fields(model, refusal.FEATURES) | {"threshold": round(threshold, 4)}
    refusal.FITTED.write_bytes(orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n")
    print(refusal.FITTED.name, fields)


def _fields(model: LogisticRegression, names: Sequence[str]) -> dict[str, object]:
    return {
        "intercept": round(float(model.intercept_[0]), 4),
        "weights": {name: round(float(w), 4) for name, w in zip(names, model.coef_[0], strict=True)},
    }


if __name__ == "__main__":
    main()

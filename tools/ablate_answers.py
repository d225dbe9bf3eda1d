"""What each part of an answer brings: `python tools/ablate_answers.py` prints the tables of docs/quality.md.

One line for each variant, over the `tune` half of the paper and the ranking of ClapNQ's shared half: the parts of
retrieval taken away one at a time, then those of the choice of sentences. Nothing is fitted anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from answer_data import PAPER, SETS, clapnq

from eval.questions import Question, load_questions
from eval.quotes import Source
from eval.run import Reply
from eval.scoring import score
from index.embedding import open_embedder
from index.library import Library
from index.reader import Reader
from index.search import SearchParameters, rank
from service.answering import Answerer, AnswerParameters
from service.choosing import Choice
from service.wire import ask_body

SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "BM25 in full whatever its share of the words": {"lexical_whole": 0.0},
    "no nearest sentence": {"best_sentence": 0.0},
    "30 passages": {"parents": 30},
    "no neighbouring passages": {"passage_neighbour": 0.0},
    "neighbouring sentences .25, .06": {"sentence_neighbours": (0.25, 0.0625)},
    "all of these as they were": {
        "lexical_whole": 0.0,
        "best_sentence": 0.0,
        "parents": 30,
        "passage_neighbour": 0.25,
        "sentence_neighbours": (0.25, 0.0625),
    },
}


def without(feature: str) -> Choice:
    """Return the fitted choice blind to one feature."""
    choice = Choice.fitted()
    return replace(choice, weights={**choice.weights, feature: 0.0})


def main() -> None:
    """Print both tables."""
    embedder, reader = open_embedder(), Reader.open()
    with tempfile.TemporaryDirectory() as folder:
        library = Library.create(Path(folder) / "paper", embedder)
        library.add(PAPER.read_bytes(), PAPER.name)
        pool = clapnq(Path(folder) / "clapnq", embedder)
        source = Source.read(PAPER)
        questions = load_questions(SETS / f"{PAPER.stem}.jsonl", [source], "tune")
        print("retrieval | facts shown | facts cited | precision | ClapNQ nDCG@10")
        for name, changes in SEARCHES.items():
            search = replace(SearchParameters(), **changes)
            answerer = Answerer(library, search=search, reader=reader)
            ndcg = _ndcg(pool.library, pool.questions, search)
            print(f"{name} | {_row(answerer, questions, source)} | {ndcg:.3f}", flush=True)
        print("choice | facts shown | facts cited | precision")
        choices = {
            "all": Answerer(library, reader=reader),
            **{
                f"no {f}": Answerer(library, choice=without(f), reader=reader)
                for f in ("reader", "score", "cosine", "kind")
            },
            "beta 1": Answerer(library, choice=replace(Choice.fitted(), beta=1.0), reader=reader),
            "three passages read": Answerer(
                library, parameters=AnswerParameters(passages_read=3), reader=reader
            ),
            "share .9 of the best score, no reader": Answerer(library),
        }
        for name, answerer in choices.items():
            print(f"{name} | {_row(answerer, questions, source)}", flush=True)
        library.close()
        pool.library.close()


def _row(answerer: Answerer, questions: tuple[Question, ...], source: Source) -> str:
    """Return facts shown, facts cited and precision over the answerable questions."""
    scores = [
        score(question, Reply(ask_body(answerer.answer(question.text)), None, 0.0), [source])
        for question in questions
        if question.answerable
    ]
    figures = ([s.evidence_fact_recall, s.fact_recall, s.citations.precision] for s in scores)
    return " | ".join(f"{value:.3f}" for value in np.mean(list(figures), axis=0))


def _ndcg(library: Library, questions: tuple[Question, ...], search: SearchParameters) -> float:
    """Return nDCG@10 of the one right document of each answerable question (`note` is its hash)."""
    snapshot, gains = library.snapshot(), []
    shas = [library.record(name).sha256 for name in snapshot.documents]
    for question in questions:
        if question.answerable:
            ranking = rank(
                snapshot, question.text, library.embedder.embed_question(question.text), None, search
            )
            found = dict.fromkeys(shas[int(number)] for number in snapshot.passages[ranking.passage_rows, 0])
            place = list(found).index(question.note) if question.note in found else 10
            gains.append(1 / np.log2(place + 2) if place < 10 else 0.0)
    return float(np.mean(gains))


if __name__ == "__main__":
    main()

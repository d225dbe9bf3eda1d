"""Benchmarks that others wrote, read from folders as their authors or `shared/benchmarks` keep them.

Each function takes a folder and an opened, empty library, fills it, and returns figures by name; shares are
from 0 to 1. What every benchmark measures is told in its function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from eval.answerers import Wire
from eval.errors import EvaluationError
from eval.extents import Extent
from eval.metrics import COVERED, overlap, sentence_f1
from eval.questions import Fact, Question
from eval.refusals import auroc
from index.backend import Backend
from index.evidence import assemble
from index.reader import Reader
from index.search import SearchParameters, rank
from service.answering import Answerer, AnswerParameters
from service.bootstrap import make_answerer
from service.refusal import Refusal
from service.wire import ask_body, search_body

Figures = dict[str, float]
Texts = Mapping[str, tuple[str, str]]
"""Title and text by key."""

EQUAL_CHARACTERS = 3000


def chunking(folder: Path, library: Backend, report: Callable[[int, int], None]) -> Figures:
    """Chroma's chunking evaluation: characters of the reference excerpts against those retrieved.

    Once with 3,000 characters for every question, once with as many as the answerer would show. All corpora
    are in one index.
    """
    rows = _rows(folder / "questions.jsonl")
    files = {name: folder / f"{name}.md" for name in sorted({row["corpus"] for row in rows})}
    ids = {}
    for name, path in files.items():
        ids[name] = library.add(path.read_bytes(), path.name, publishing=False).document.id
    library.refresh()
    snapshot, parameters = library.snapshot(), AnswerParameters()
    budgets = {
        "equal": (0.0, EQUAL_CHARACTERS),
        "adaptive": (parameters.evidence_tau, parameters.evidence_characters),
    }
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in budgets}
    for done, row in enumerate(rows):
        report(done, len(rows))
        document = ids[row["corpus"]]
        wanted = Extent.of((document, span["start"], span["end"]) for span in row["references"])
        question = Question("", "", "test", row["question"], (Fact("", (wanted,)),), Extent())
        ranking = rank(snapshot, row["question"], library.embedder.embed_question(row["question"]))
        for name, (tau, characters) in budgets.items():
            stretches = assemble(
                snapshot, ranking, tau=tau, characters=characters, limit=len(snapshot.sentences)
            )
            shown = Extent.of(
                (stretch.document, span.start, span.end)
                for stretch in stretches
                for span in library.document(stretch.document).reading.source_spans(
                    stretch.start, stretch.end
                )
            )
            measured = overlap(question, shown)
            found[name].append((measured.recall, measured.precision, measured.iou, len(shown)))
    names = ("recall", "precision", "iou", "characters")
    return {
        f"{budget}_{name}": value
        for budget, values in found.items()
        for name, value in zip(names, np.mean(values, axis=0).tolist(), strict=True)
    }


def clapnq(folder: Path, library: Backend, report: Callable[[int, int], None]) -> Figures:
    """ClapNQ: ranking over the pool of all passages, the choice of sentences, and refusing near misses.

    `ndcg_10` ranks all passages for the answerable questions. `sentence_f1_gold` chooses in the right passage
    and never refuses; `sentence_f1` chooses in the whole pool and may refuse, which is a zero. Both compare
    with the annotator who agrees most. `auroc_near` tells questions whose passage answers them from those
    whose passage does not.
    """
    rows = _rows(folder / "questions.jsonl")
    ids = _fill(library, {row["id"]: (row["title"], row["passage"]) for row in rows}, report)
    answerer = make_answerer(library)
    willing = Answerer(library, refusal=replace(Refusal.fitted(), threshold=0.0), reader=Reader.open())
    qrels, runs = {}, {}
    confidences: dict[bool, list[float]] = {True: [], False: []}
    gold_f1, pool_f1 = [], []
    for done, row in enumerate(rows):
        report(done, len(rows))
        document, question = ids[row["id"]], row["question"]
        answer = ask_body(answerer.answer(question))
        confidences[row["answerable"]].append(answer["confidence"])
        if not row["answerable"]:
            continue
        qrels[row["id"]], runs[row["id"]] = {document: 1}, _document_ranking(library, question)
        places = _places(row["sentences"], library.document(document).source)
        golden = [
            {row["sentences"].index(s) for s in selected if s in row["sentences"]}
            for selected in row["selected"]
        ]
        chosen = ask_body(willing.answer(question, document_ids=[document]))
        gold_f1.append(sentence_f1(_chosen(chosen, document, places), golden))
        pool_f1.append(sentence_f1(_chosen(answer, document, places), golden))
    return {
        **ranking_figures(qrels, runs),
        "sentence_f1_gold": float(np.mean(gold_f1)),
        "sentence_f1": float(np.mean(pool_f1)),
        "auroc_near": auroc(confidences[True], confidences[False]),
    }


def financebench(folder: Path, library: Backend, report: Callable[[int, int], None]) -> Figures:
    """FinanceBench: the share of questions with a page of their evidence among the first five passages."""
    rows = _rows(folder / "questions.jsonl")
    ids = {}
    for name in sorted({row["file"] for row in rows}):
        ids[name] = library.add((folder / name).read_bytes(), name, publishing=False).document.id
    library.refresh()
    answerer = make_answerer(library)
    hits = []
    for done, row in enumerate(rows):
        report(done, len(rows))
        pages = {evidence["page_index"] + 1 for evidence in row["evidence"]}
        passages = search_body(answerer.search(row["question"], top_k=5))["passages"]
        hits.append(any(p["document_id"] == ids[row["file"]] and p["page"] in pages for p in passages))
    return {"page_hit_5": float(np.mean(hits))}


def beir(folder: Path, library: Backend, report: Callable[[int, int], None]) -> Figures:
    """A BEIR folder (`corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`): documents ranked for each query."""
    corpus = {row["_id"]: (row.get("title", ""), row["text"]) for row in _rows(folder / "corpus.jsonl")}
    ids = _fill(library, corpus, report)
    queries = {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl")}
    qrels: dict[str, dict[str, int]] = {}
    for number, line in enumerate(
        (folder / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:], start=2
    ):
        query, document, relevance = line.split("\t")
        if query not in queries or document not in ids:
            missing = query if query not in queries else document
            raise EvaluationError(f"{folder / 'qrels/test.tsv'}:{number}: {missing!r} is not in the folder")
        qrels.setdefault(query, {})[ids[document]] = int(relevance)
    runs = {}
    for done, query in enumerate(qrels):
        report(done, len(qrels))
        runs[query] = _document_ranking(library, queries[query])
    return ranking_figures(qrels, runs)


BENCHMARKS = {"beir": beir, "chunking": chunking, "clapnq": clapnq, "financebench": financebench}


def ranking_figures(
    qrels: Mapping[str, Mapping[str, int]], runs: Mapping[str, Mapping[str, float]]
) -> Figures:
    """Return nDCG@10, MRR, hit@1 and recall@100; a query without a run counts as zero."""
    import ir_measures
    from ir_measures import RR, R, Success, nDCG

    names = {nDCG @ 10: "ndcg_10", RR: "mrr", Success @ 1: "hit_1", R @ 100: "recall_100"}
    values = ir_measures.calc_aggregate(list(names), qrels, runs)
    return {name: float(values[measure]) for measure, name in names.items()}


def _document_ranking(library: Backend, question: str) -> dict[str, float]:
    """Return each found document with the score of its best passage."""
    snapshot = library.snapshot()
    parameters = replace(SearchParameters(), candidates=1000)
    ranking = rank(snapshot, question, library.embedder.embed_question(question), None, parameters)
    best: dict[str, float] = {}
    for row, value in zip(ranking.passage_rows.tolist(), ranking.passage_scores.tolist(), strict=True):
        best.setdefault(snapshot.documents[int(snapshot.passages[row, 0])], value)
    return best


def _fill(library: Backend, texts: Texts, report: Callable[[int, int], None]) -> dict[str, str]:
    """Add each text as a document of its own; return document ids by key. Equal texts are one document."""
    ids = {}
    for done, (key, (title, text)) in enumerate(texts.items()):
        report(done, len(texts))
        name = f"{title.replace('/', ' ').strip() or key}.txt"
        ids[key] = library.add(text.encode(), name, publishing=False).document.id
    library.refresh()
    return ids


def _places(sentences: Sequence[str], source: str) -> list[tuple[int, int]]:
    """Return where each sentence stands in the source; they come in order."""
    places, at = [], 0
    for sentence in sentences:
        start = source.find(sentence, at)
        if start < 0:
            raise EvaluationError(f"a sentence is not in its passage: {sentence[:60]!r}")
        at = start + len(sentence)
        places.append((start, at))
    return places


def _chosen(body: Wire, document: str, places: Iterable[tuple[int, int]]) -> set[int]:
    """Return which sentences of `document` the answer cites; one cited elsewhere is a negative number each."""
    spans = [
        (c["document_id"], s["start_char_index"], s["end_char_index"])
        for c in body["citations"]
        for s in c["spans"]
    ]
    cited = Extent.of(spans)
    chosen = {
        i
        for i, (start, end) in enumerate(places)
        if Extent(((document, start, end),)).share_in(cited) >= COVERED
    }
    return chosen | {-1 - i for i, span in enumerate(spans) if span[0] != document}


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON Lines file. Raises `EvaluationError` naming the line."""
    if not path.is_file():
        raise EvaluationError(f"{path} is not there: name the folder that holds it")
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise EvaluationError(f"{path}:{number}: {error}") from error
    return rows

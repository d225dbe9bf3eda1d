"""Benchmarks of others, read from their folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path

import pytest

from eval.benchmarks import beir, chunking, clapnq, financebench, ranking_figures
from eval.errors import EvaluationError
from index.library import Library


def silent(done: int, total: int) -> None:
    assert 0 <= done <= total


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_ranking_figures_count_a_query_without_a_run_as_zero() -> None:
    figures = ranking_figures({"a": {"x": 1}, "b": {"y": 1}}, {"a": {"z": 2.0, "x": 1.0}})
    assert figures["mrr"] == (1 / 2 + 0) / 2
    assert figures["ndcg_10"] == pytest.approx((1 / log2(3) + 0) / 2)
    assert figures["hit_1"] == 0


def test_a_beir_folder(library: Library, tmp_path: Path) -> None:
    write(
        tmp_path / "corpus.jsonl",
        [
            {"_id": "1", "title": "Rivers/streams", "text": "The river flows into the sea."},
            {"_id": "2", "title": "Doors", "text": "The badge opens the green door."},
            {"_id": "3", "text": "Bread is baked in the oven."},
        ],
    )
    write(
        tmp_path / "queries.jsonl",
        [{"_id": "q", "text": "green door badge"}, {"_id": "r", "text": "river sea"}],
    )
    (tmp_path / "qrels").mkdir()
    qrels = tmp_path / "qrels" / "test.tsv"
    qrels.write_text("query-id\tcorpus-id\tscore\nq\t2\t1\nr\t1\t2\n")
    assert beir(tmp_path, library, silent) == {"ndcg_10": 1, "mrr": 1, "hit_1": 1, "recall_100": 1}
    qrels.write_text("query-id\tcorpus-id\tscore\nq\t9\t1\n")
    with pytest.raises(EvaluationError, match=r"test\.tsv:2: '9' is not in the folder"):
        beir(tmp_path, library, silent)


def test_a_chunking_folder(library: Library, tmp_path: Path) -> None:
    text = "# Guide\n\nThe badge opens the green door.\n\n# Bread\n\nBread is baked in the oven."
    (tmp_path / "guide.md").write_text(text)
    start = text.index("The badge")
    reference = {"start": start, "end": start + 31, "text": text[start : start + 31]}
    write(
        tmp_path / "questions.jsonl",
        [{"corpus": "guide", "question": "What opens the green door?", "references": [reference]}],
    )
    figures = chunking(tmp_path, library, silent)
    assert figures["equal_recall"] == figures["adaptive_recall"] == 1
    assert figures["equal_characters"] >= figures["adaptive_characters"] >= 31
    assert figures["adaptive_precision"] == pytest.approx(31 / figures["adaptive_characters"])


def test_a_clapnq_folder(library: Library, tmp_path: Path) -> None:
    doors = ["The badge opens the green door .", "The red door is locked ."]
    bread = ["Bread is baked in the oven ."]
    rows = [
        {
            "id": "1", "question": "what opens the green door", "title": "Doors", "passage": " ".join(doors),
            "sentences": doors, "answerable": True, "selected": [[doors[0]], [doors[0], doors[1]]],
        },
        {
            "id": "2", "question": "who wrote hamlet", "title": "Bread", "passage": bread[0],
            "sentences": bread, "answerable": False, "selected": [[]],
        },
    ]  # fmt: skip
    write(tmp_path / "questions.jsonl", rows)
    figures = clapnq(tmp_path, library, silent)
    assert (figures["ndcg_10"], figures["auroc_near"], figures["sentence_f1_gold"]) == (1, 1, 1)
    assert 0 <= figures["sentence_f1"] <= 1
    write(tmp_path / "questions.jsonl", [{**rows[0], "sentences": ["Not there ."]}])
    with pytest.raises(EvaluationError, match=r"a sentence is not in its passage: 'Not there \.'"):
        clapnq(tmp_path, library, silent)


def test_a_financebench_folder_without_pages_hits_nothing(library: Library, tmp_path: Path) -> None:
    (tmp_path / "filing.md").write_text("# Filing\n\nRevenue was ten million.")
    row = {
        "file": "filing.md",
        "question": "What was revenue?",
        "evidence": [{"page_index": 0, "text": "ten"}],
    }
    write(tmp_path / "questions.jsonl", [row])
    assert financebench(tmp_path, library, silent) == {"page_hit_5": 0}


def test_a_folder_without_data_is_named(library: Library, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"questions\.jsonl is not there"):
        chunking(tmp_path, library, silent)
    (tmp_path / "questions.jsonl").write_text("{}\n{")
    with pytest.raises(EvaluationError, match=r"questions\.jsonl:2: "):
        clapnq(tmp_path, library, silent)

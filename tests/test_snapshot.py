"""Snapshots: rows that belong together, whatever becomes of their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import TinyEmbedder

from index.errors import ChangedError
from index.library import Library
from index.search import rank
from index.snapshot import Snapshot

TEXTS = {
    "bees.md": b"# Bees\n\nBees dance to tell where flowers are. A hive holds one queen.",
    "tea.md": b"# Tea\n\nGreen tea is steamed. Black tea is oxidised. Tea came from China.",
}


@pytest.fixture
def filled(library: Library) -> Library:
    for name, text in TEXTS.items():
        library.add(text, name)
    return library


def answers(snapshot: Snapshot) -> list[list[float]]:
    vector = TinyEmbedder().embed_question("tea from China")
    ranking = rank(snapshot, "tea from China", vector)
    return [ranking.sentence_rows.tolist(), ranking.sentence_scores.tolist(), ranking.dense.tolist()]


def test_rows_belong_together(filled: Library) -> None:
    snapshot = filled.snapshot()
    texts = []
    for row, start, end, heading in snapshot.sentences.tolist():
        document = filled.document(snapshot.documents[snapshot.passages[row, 0]])
        texts.append((document.reading.text[start:end], bool(heading)))
    assert texts == [
        ("Bees", True),
        ("Bees dance to tell where flowers are.", False),
        ("A hive holds one queen.", False),
        ("Tea", True),
        ("Green tea is steamed.", False),
        ("Black tea is oxidised.", False),
        ("Tea came from China.", False),
    ]
    assert [list(snapshot.sentence_rows(row)) for row in range(2)] == [[0, 1, 2], [3, 4, 5, 6]]
    assert len(snapshot.vectors) == len(snapshot.passage_words) == 2
    assert len(snapshot.sentence_words) == len(snapshot.sentence_vectors) == 7


def test_equal_contents_have_one_fingerprint(filled: Library, tmp_path: Path) -> None:
    other = Library.create(tmp_path / "other", TinyEmbedder())
    for name, text in reversed(TEXTS.items()):
        other.add(text, name)
    assert other.snapshot().fingerprint == filled.snapshot().fingerprint
    other.remove(other.documents()[0].id)
    assert other.snapshot().fingerprint != filled.snapshot().fingerprint
    other.close()


def test_a_snapshot_outlives_its_files(filled: Library) -> None:
    old = filled.snapshot()
    expected = answers(old)
    filled.add(b"Tea from China, and more tea.", "more.txt")
    assert answers(old) == expected
    assert answers(filled.snapshot()) != expected


def test_an_empty_index_has_a_snapshot(library: Library) -> None:
    ranking = rank(library.snapshot(), "anything", np.zeros(64, np.float32))
    assert len(ranking.passage_rows) == len(ranking.sentence_rows) == 0


def test_a_question_never_mixes_two_versions_of_a_document(library: Library) -> None:
    document_id = library.add(b"Old words stand here.", "a.txt", origin="a").document.id
    before = library.snapshot()
    held = library.document(document_id)
    library.add(b"New words.", "a.txt", origin="a")
    assert library.document(document_id, before.version(document_id)) is held, "while it is in memory"
    assert library.document(document_id).source == "New words."
    with pytest.raises(ChangedError, match="was replaced meanwhile"):
        library.document(document_id, before.version(document_id))
    library.remove(document_id)
    with pytest.raises(ChangedError, match="was removed meanwhile"):
        library.document(document_id, before.version(document_id))

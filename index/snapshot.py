"""A frozen view of the store that questions run on: vectors, postings and tables, kept as files.

A snapshot is only a copy. It lives in `INDEX/snapshots/GENERATION/`, the store holds the SHA-256 of each of
its files, and one that is missing, incomplete or altered is made again from the store.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from index.lexical import LexicalIndex
from index.store import PassageRow, Store
from index.texts import passage_text, sentence_text
from index.types import Rows, Scores, StoredDocument, Vectors
from index.vectors import VectorIndex

_VECTORS = "passages.faiss"
_PASSAGES = "passages.npy"
_SENTENCES = "sentences.npy"
_SENTENCE_VECTORS = "sentence-vectors.npy"
_DOCUMENTS = "documents.json"
_PASSAGE_WORDS = "passage-words"
_SENTENCE_WORDS = "sentence-words"
_LOCKS = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that a search needs, in rows that belong together.

    `passages`, shape (n, 5): document number, ordinal, reading start, reading end, first sentence row.
    `sentences`, shape (m, 4): passage row, reading start, reading end, whether it is a heading.
    `sentence_vectors`, shape (m, dimension), half floats. `documents` lists document ids by number.
    """

    generation: int
    fingerprint: str
    documents: tuple[str, ...]
    passages: NDArray[np.int64]
    sentences: NDArray[np.int64]
    sentence_vectors: NDArray[np.float16]
    vectors: VectorIndex
    passage_words: LexicalIndex
    sentence_words: LexicalIndex
    versions: Mapping[str, str]

    def version(self, document_id: str) -> str:
        """Return the SHA-256 of the document that the rows were made from."""
        return self.versions.get(document_id, "")

    def sentence_rows(self, passage_row: int) -> range:
        """Return the rows of the sentences of a passage."""
        following = passage_row + 1
        last = self.passages[following, 4] if following < len(self.passages) else len(self.sentences)
        return range(int(self.passages[passage_row, 4]), int(last))

    @property
    def document_count(self) -> int:
        """How many documents there are."""
        return len(self.documents)

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        return len(self.passages)

    def candidates(
        self, words: list[str], vector: Vectors, limit: int, documents: Collection[str] | None
    ) -> tuple[Rows, Scores, Scores]:
        """Return rows in ascending order, the cosine and the BM25 score of each (see `View`)."""
        numbers = self._numbers(documents)
        allowed = None if numbers is None else self._allowed(numbers)
        near, _ = self.vectors.search(vector, limit, allowed)
        matching, bm25 = self.passage_words.search(words, limit, numbers)
        found = np.concatenate([near, matching])
        around = np.concatenate([found - 1, found, found + 1])
        around = np.unique(around[(around >= 0) & (around < len(self.passages))])
        rows = around if allowed is None else around[allowed[around]]
        lexical = np.zeros(len(rows), np.float32)
        lexical[np.searchsorted(rows, matching)] = bm25
        return rows, self.vectors.scores(vector, rows), lexical

    def score_sentences(
        self, rows: Rows, words: list[str], vector: Vectors, documents: Collection[str] | None
    ) -> tuple[Scores, Scores]:
        """Return the cosine and the BM25 score of each of these sentences; `rows` ascend."""
        dense = np.asarray(self.sentence_vectors[rows], np.float32) @ vector
        matching, bm25 = self.sentence_words.search(words, 2 * len(rows), self._numbers(documents))
        lexical = np.zeros(len(rows), np.float32)
        if len(rows):
            at = np.minimum(np.searchsorted(rows, matching), len(rows) - 1)
            inside = rows[at] == matching
            lexical[at[inside]] = bm25[inside]
        return dense, lexical

    def document_frequency(self, word: str) -> int:
        """Return how many passages hold `word`."""
        return self.passage_words.document_frequency(word)

    def sentence_spans(self, document_id: str, start: int, end: int) -> list[tuple[int, int]]:
        """Return the reading ranges of a document's sentences that overlap `start:end`."""
        passages = self._passage_rows(self._number_of[document_id])
        if not passages:
            return []
        first, last = passages[0], passages[-1]
        spans = self.sentences[self.sentence_rows(first).start : self.sentence_rows(last).stop, 1:3]
        return [(low, high) for low, high in spans.tolist() if low < end and high > start]

    def _numbers(self, documents: Collection[str] | None) -> list[int] | None:
        if documents is None:
            return None
        return [self._number_of[name] for name in set(documents) if name in self._number_of]

    def _allowed(self, numbers: list[int]) -> NDArray[np.bool_]:
        """Say of each passage whether it is in one of these documents."""
        allowed = np.zeros(len(self.passages), np.bool_)
        for number in numbers:
            rows = self._passage_rows(number)
            allowed[rows.start : rows.stop] = True
        return allowed

    def _passage_rows(self, number: int) -> range:
        """Return the rows of the passages of the document with this number; numbers ascend with the rows."""
        first, after = np.searchsorted(self.passages[:, 0], [number, number + 1])
        return range(int(first), int(after))

    @cached_property
    def _number_of(self) -> dict[str, int]:
        return {document_id: number for number, document_id in enumerate(self.documents)}


def publish(store: Store) -> Snapshot:
    """Return the snapshot of the store's present generation, making and recording it where needed."""
    made = store.folder / "snapshots" / f".{uuid.uuid4().hex}"
    try:
        with store.view():
            generation = store.generation()
            folder = _folder(store, generation)
            files = store.snapshot_files(generation)
            if files and _intact(folder, files):
                return _load(store, folder, generation)
            _make(store, made)
        files = {name: _digest(made / name) for name in _names(made)}
        with store.publishing(generation, files):
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
            _sync(folder.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _forget_others(folder)
    return _load(store, folder, generation)


def _make(store: Store, folder: Path) -> None:
    """Write the files of a snapshot of `store` into `folder`."""
    folder.mkdir(parents=True)
    rows = list(store.passages())
    versions = {record.id: record.sha256 for record in store.documents()}
    ids = dict.fromkeys([*(row.document_id for row in rows), *versions])
    documents = {document_id: number for number, document_id in enumerate(ids)}  # ascending, as rows are
    counts = np.array([len(row.sentences) for row in rows], np.int64)
    firsts = np.cumsum(counts) - counts
    passages = np.array(
        [
            (documents[row.document_id], row.ordinal, row.start, row.end, first)
            for row, first in zip(rows, firsts, strict=True)
        ],
        np.int64,
    ).reshape(-1, 5)
    sentences = np.empty((int(counts.sum()), 4), np.int64)
    sentences[:, 0] = np.repeat(np.arange(len(rows)), counts)
    sentences[:, 1:] = np.concatenate([np.empty((0, 3), np.int64), *(row.sentences for row in rows)])
    empty = np.empty((0, store.dimension), np.float16)
    np.save(folder / _PASSAGES, passages)
    np.save(folder / _SENTENCES, sentences)
    np.save(folder / _SENTENCE_VECTORS, np.concatenate([empty, *(row.sentence_vectors for row in rows)]))
    (folder / _DOCUMENTS).write_bytes(orjson.dumps({each: versions[each] for each in ids}))
    vectors = np.stack([row.vector for row in rows]) if rows else empty
    VectorIndex.build(vectors.astype(np.float32)).save(folder / _VECTORS)
    LexicalIndex.build(folder / _PASSAGE_WORDS, _passage_texts(store, rows, documents))
    LexicalIndex.build(folder / _SENTENCE_WORDS, _sentence_texts(store, rows, documents))
    for name in _names(folder):
        _sync(folder / name)


def _load(store: Store, folder: Path, generation: int) -> Snapshot:
    listed = orjson.loads((folder / _DOCUMENTS).read_bytes())
    return Snapshot(
        generation,
        _fingerprint(store),
        tuple(listed),
        _mapped(folder / _PASSAGES),
        _mapped(folder / _SENTENCES),
        _mapped(folder / _SENTENCE_VECTORS),
        VectorIndex.load(folder / _VECTORS),
        LexicalIndex.load(folder / _PASSAGE_WORDS),
        LexicalIndex.load(folder / _SENTENCE_WORDS),
        listed if isinstance(listed, dict) else {},  # a list: written before versions were
    )


def _mapped(path: Path) -> NDArray[Any]:
    """Return the array in a file, mapped. As a plain array: numpy's own class for it is slow to index."""
    return np.asarray(np.load(path, mmap_mode="r")).view(np.ndarray)


def _passage_texts(
    store: Store, rows: list[PassageRow], documents: dict[str, int]
) -> Iterator[tuple[int, str]]:
    for row, document in _with_documents(store, rows):
        text = passage_text(document.record.title, document.reading, row.start, row.end)
        yield documents[row.document_id], text


def _sentence_texts(
    store: Store, rows: list[PassageRow], documents: dict[str, int]
) -> Iterator[tuple[int, str]]:
    for row, document in _with_documents(store, rows):
        for start, end, _ in row.sentences:
            yield documents[row.document_id], sentence_text(document.reading, start, end)


def _with_documents(store: Store, rows: list[PassageRow]) -> Iterator[tuple[PassageRow, StoredDocument]]:
    for document_id, group in groupby(rows, key=lambda row: row.document_id):
        document = store.document(document_id)
        for row in group:
            yield row, document


def _fingerprint(store: Store) -> str:
    """Return a hash of the model and of each document's bytes: equal for equal contents."""
    digest = hashlib.sha256(store.model.encode())
    for line in sorted(f"{record.id} {record.sha256} {record.title}" for record in store.documents()):
        digest.update(b"\n" + line.encode())
    return digest.hexdigest()[:16]


def _folder(store: Store, generation: int) -> Path:
    return store.folder / "snapshots" / str(generation)


def _names(folder: Path) -> list[str]:
    """Return the files below `folder` that make up a snapshot, as POSIX paths relative to it."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in _LOCKS)
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _intact(folder: Path, files: dict[str, str]) -> bool:
    """Say whether `folder` holds just `files`, each with its hash."""
    if not folder.is_dir() or _names(folder) != sorted(files):
        return False
    return all(_digest(folder / name) == digest for name, digest in files.items())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Have the operating system write a file or a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget_others(folder: Path) -> None:
    """Remove other generations. Whoever has one open keeps its mapped files until it lets go."""
    for other in folder.parent.iterdir():
        if other != folder and not other.name.startswith("."):
            shutil.rmtree(other, ignore_errors=True)

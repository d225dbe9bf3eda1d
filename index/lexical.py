"""BM25 over words: English stems, accents folded, stop words left out (tantivy)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray

from ingest.normalise import searchable

_ANALYZER = "pincite_english"
_HEAP_BYTES = 64_000_000
_MAX_TERM = 40
_STOP_WORDS = """a about after again all also am an and any are as at be because been before being between both but
by can could d did do does doing don down during each else ever few for from further had has have having he her
here hers him his how i if in into is isn it its itself just let ll m many may me might more most much must my no
nor not now o of off on once one only or other our out over own per please re s same say says she should shouldn
so some such t than that the their them then there these they this those through to too under until up upon us
ve very was wasn we were weren what when where whether which while who whom whose why will with won would you
your tell explain describe""".split()  # fmt: skip
_MAX_QUESTION_TERMS = 64


class LexicalIndex:
    """BM25 search (k1 = 1.2, b = 0.75). A text that was removed is not found, but counts in the statistics
    until its part of the index is merged with others.
    """

    def __init__(self, index: Any) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """Open a folder that a `LexicalWriter` filled."""
        index = tantivy.Index.open(str(folder))
        index.register_tokenizer(_ANALYZER, _analyzer())
        return cls(index)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def search(
        self, terms: list[str], limit: int, documents: Iterable[int] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and BM25 scores of the best matches for any of `terms`, best first; at most `limit`.

        `documents` leaves only some documents in the search.
        """
        if not terms or limit <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        query = self._any("text", terms)
        if documents is not None:
            query = query.and_must_match(
                tantivy.Query.const_score_query(self._any("document", documents), 0.0)
            )
        hits = self._searcher.search(query, limit=limit, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return np.array(rows, np.int64), np.array([score for score, _ in hits], np.float32)

    def document_frequency(self, term: str) -> int:
        """Return how many rows hold `term`."""
        return min(int(self._searcher.doc_freq("text", term)), len(self))

    def _any(self, field: str, values: Iterable[str] | Iterable[int]) -> Any:
        should = tantivy.Occur.Should
        return tantivy.Query.boolean_query(
            [(should, tantivy.Query.term_query(self._schema, field, value)) for value in values]
        )


class LexicalWriter:
    """Writes an index, from nothing or from another one that stays as it is. Closed by `commit`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is empty, or holds the files of another index: none of them is written to again."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        schema = (
            tantivy.SchemaBuilder()
            .add_integer_field("row", fast=True)
            .add_integer_field("document", indexed=True)
            .add_text_field("text", tokenizer_name=_ANALYZER, index_option="freq")
            .build()
        )
        self._index = tantivy.Index(schema, path=str(folder))  # opens what is there
        self._index.register_tokenizer(_ANALYZER, _analyzer())
        self._writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)

    def add(self, row: int, document: int, text: str) -> None:
        """Add a text under its row number and its document's."""
        self._writer.add_document(tantivy.Document(row=row, document=document, text=searchable(text)))

    def remove(self, document: int) -> None:
        """Remove the texts of a document."""
        self._writer.delete_documents_by_term("document", document)

    def commit(self) -> None:
        """Write everything to disk."""
        self._writer.commit()
        self._writer.wait_merging_threads()


def terms(text: str) -> list[str]:
    """Return the distinct stems of `text` that BM25 looks up, in order: plain text, never query syntax."""
    return list(dict.fromkeys(all_terms(text)))[:_MAX_QUESTION_TERMS]


def all_terms(text: str) -> list[str]:
    """Return the stems of `text` that are indexed, in order and as often as they stand there."""
    return list(_analyzer().analyze(searchable(text)))


@cache
def _analyzer() -> Any:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_MAX_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.custom_stopword(_STOP_WORDS))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )

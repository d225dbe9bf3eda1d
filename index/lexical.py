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
    """BM25 search (k1 = 1.2, b = 0.75). Rows are numbered from 0 in the order given."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def build(cls, folder: Path, texts: Iterable[tuple[int, str]]) -> LexicalIndex:
        """Index `texts`, pairs of document number and text, in an empty `folder`."""
        folder.mkdir(parents=True)
        schema = (
            tantivy.SchemaBuilder()
            .add_integer_field("row", fast=True)
            .add_integer_field("document", indexed=True)
            .add_text_field("text", tokenizer_name=_ANALYZER, index_option="freq")
            .build()
        )
        index = tantivy.Index(schema, path=str(folder))
        index.register_tokenizer(_ANALYZER, _analyzer())
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for row, (document, text) in enumerate(texts):
            writer.add_document(tantivy.Document(row=row, document=document, text=searchable(text)))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """Open a folder that `build` filled."""
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
        return int(self._searcher.doc_freq("text", term))

    def _any(self, field: str, values: Iterable[str] | Iterable[int]) -> Any:
        should = tantivy.Occur.Should
        return tantivy.Query.boolean_query(
            [(should, tantivy.Query.term_query(self._schema, field, value)) for value in values]
        )


def terms(text: str) -> list[str]:
    """Return the distinct stems of `text` that BM25 looks up, in order: plain text, never query syntax."""
    return list(dict.fromkeys(_analyzer().analyze(searchable(text))))[:_MAX_QUESTION_TERMS]


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

"""A Haystack component: the evidence for a question as documents with exact places, in a pipeline.

python examples/haystack_retriever.py [ADDRESS]
"""

from __future__ import annotations

import os
import sys

# Haystack reports its use to its makers unless it is told not to, before it is imported.
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")

from haystack import Document, Pipeline, component

from service.client import Client
from service.schemas import PassageModel


@component
class PinciteRetriever:
    """Retrieves passages from a running service. `meta["spans"]` point into the document's source."""

    def __init__(
        self, address: str = "http://127.0.0.1:8000", key: str | None = None, top_k: int = 5
    ) -> None:
        self.address = address
        self.key = key
        self.top_k = top_k

    @component.output_types(documents=list[Document])
    def run(self, query: str) -> dict[str, list[Document]]:
        with Client(self.address, key=self.key) as pincite:
            passages = pincite.search(query, top_k=self.top_k).passages
        return {"documents": [_document(passage) for passage in passages]}


def _document(passage: PassageModel) -> Document:
    meta = passage.model_dump(exclude={"text", "passage_id", "score"})
    return Document(id=passage.passage_id, content=passage.text, score=passage.score, meta=meta)


if __name__ == "__main__":
    pipeline = Pipeline()
    pipeline.add_component(
        "retriever", PinciteRetriever(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", top_k=3)
    )
    found = pipeline.run({"retriever": {"query": "How do I remove a document?"}})
    for document in found["retriever"]["documents"]:
        print(document.meta["section_path"], document.meta["spans"][0]["start_char_index"])
        print(document.content)

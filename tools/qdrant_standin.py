"""Serve qdrant-client's local mode over HTTP: for faults and several processes where no Qdrant server is at hand.

It takes the calls that `index.cluster_engine` makes and no others. It is no Qdrant: nothing is measured with it,
and its answers are held against those of the other backends by the contract of tests/test_backends.py.

    python -m tools.qdrant_standin PORT
"""

from __future__ import annotations

import sys
import threading
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI
from qdrant_client import QdrantClient, models

app = FastAPI()
engine = QdrantClient(":memory:", force_disable_check_same_thread=True)
lock = threading.Lock()
Json = dict[str, Any]


def done(result: object = True) -> Json:
    return {"result": result, "status": "ok", "time": 0.0}


UPDATED = done({"operation_id": 0, "status": "completed"})


@app.get("/healthz")
def healthz() -> str:
    return "ok"


@app.put("/collections/{name}")
def create(name: str, body: models.CreateCollection) -> Json:
    with lock:
        engine.create_collection(name, vectors_config=body.vectors, sparse_vectors_config=body.sparse_vectors)
    return done()


@app.delete("/collections/{name}")
def drop(name: str) -> Json:
    with lock:
        return done(engine.delete_collection(name))


@app.get("/aliases")
def aliases() -> Json:
    return done(engine.get_aliases().model_dump())


@app.post("/collections/aliases")
def change_aliases(body: models.ChangeAliasesOperation) -> Json:
    with lock:
        return done(engine.update_collection_aliases(body.actions))


@app.put("/collections/{name}/index")
def index(name: str) -> Json:
    assert engine.collection_exists(name)
    return UPDATED


@app.put("/collections/{name}/points")
def upsert(name: str, body: models.PointsList) -> Json:
    with lock:
        engine.upsert(name, body.points)
    return UPDATED


@app.post("/collections/{name}/points/delete")
def delete(name: str, body: models.FilterSelector) -> Json:
    with lock:
        engine.delete(name, body)
    return UPDATED


@app.post("/collections/{name}/points/scroll")
def scroll(name: str, body: models.ScrollRequest) -> Json:
    with lock:
        points, following = engine.scroll(
            name, limit=body.limit or 10, offset=body.offset, with_payload=False, with_vectors=False
        )
    return done({"points": [point.model_dump() for point in points], "next_page_offset": following})


@app.post("/collections/{name}/points/query")
def query(name: str, body: Annotated[Json, Body()]) -> Json:
    asked = body["query"]
    if "nearest" in asked:
        asked = asked["nearest"]
    if isinstance(asked, dict):
        asked = models.SparseVector(**asked)
    only = models.Filter(**body["filter"]) if body.get("filter") else None
    with lock:
        found = engine.query_points(
            name, query=asked, using=body["using"], limit=body["limit"], query_filter=only, with_payload=False
        )
    return done({"points": [point.model_dump() for point in found.points]})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

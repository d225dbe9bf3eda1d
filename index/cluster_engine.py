"""Qdrant: which passages are near a vector, and which share a question's words. What it holds is a copy.

A point is a passage: its dense vector, its words as a sparse vector whose rarity the engine knows (IDF), and
the document and version it belongs to. Whether a point still counts is for PostgreSQL to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from index.cluster_calls import Guard
from index.cluster_words import Codes, engine_weights
from index.types import Vectors

T = TypeVar("T")

TIMEOUT = 10
BATCH = 256
_DENSE, _WORDS, _DOCUMENT, _VERSION = "dense", "words", "document", "version"
_QUANTIZED = {
    "": None,
    "int8": models.ScalarQuantization(
        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
    ),
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine is and how its collections are laid out: `qdrant://HOST:PORT?NAME=VALUE&...`.

    `collection` is the alias that questions go to, `shards` and `replicas` hold for collections that are made.
    `qdrant://memory` is an engine in this process, for trying things out; `qdrant://local/FOLDER` one in a folder.
    """

    host: str
    port: int = 6333
    path: str = ""
    https: bool = False
    api_key: str | None = None
    collection: str = "pincite"
    shards: int = 1
    replicas: int = 1
    quantization: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read an address. Raises ValueError with what is wrong."""
        parts = urlsplit(url)
        if parts.scheme != "qdrant" or not parts.hostname:
            raise ValueError(f"{url!r} is no address of an engine: write qdrant://HOST:6333")
        given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        known = {"https", "api_key", "collection", "shards", "replicas", "quantization"}
        if unknown := sorted(given.keys() - known):
            raise ValueError(
                f"the address has no option {unknown[0]!r}: known are {', '.join(sorted(known))}"
            )
        if given.get("quantization", "") not in _QUANTIZED:
            raise ValueError(f"quantization is {given['quantization']!r}: known is 'int8'")
        return cls(
            parts.hostname,
            parts.port or 6333,
            parts.path,
            given.get("https", "") in {"1", "true"},
            given.get("api_key"),
            given.get("collection", "pincite"),
            int(given.get("shards", 1)),
            int(given.get("replicas", 1)),
            given.get("quantization", ""),
        )

    def connect(self) -> QdrantClient:
        """Return a client; nothing is sent yet."""
        if self.host == "memory":
            return QdrantClient(":memory:")
        if self.host == "local":
            return QdrantClient(path=self.path)
        return QdrantClient(
            host=self.host,
            port=self.port,
            https=self.https,
            api_key=self.api_key,
            timeout=TIMEOUT,
            check_compatibility=False,
        )


class Engine:
    """The collections of one address. Safe to use from several threads. Raises `UnavailableError`.

    All its calls may be repeated: points have fixed ids, and what is deleted is named by what it is.
    """

    def __init__(self, address: Address, dimension: int) -> None:
        self._address = address
        self._dimension = dimension
        self._client = address.connect()
        self._guard = Guard("Qdrant", _is_transient, (ResponseHandlingException, UnexpectedResponse))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def create(self, name: str) -> None:
        """Make an empty collection; one of that name is dropped first."""
        address = self._address
        self._call(lambda: self._client.delete_collection(name))
        self._call(
            lambda: self._client.create_collection(
                name,
                vectors_config={
                    _DENSE: models.VectorParams(
                        size=self._dimension,
                        distance=models.Distance.DOT,
                        datatype=models.Datatype.FLOAT16,
                        on_disk=True,
                    )
                },
                sparse_vectors_config={_WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                quantization_config=_QUANTIZED[address.quantization],
                shard_number=address.shards,
                replication_factor=address.replicas,
                write_consistency_factor=address.replicas // 2 + 1,
            )
        )
        if address.host not in {"memory", "local"}:  # which know no indexes
            self._call(lambda: self._index(name, _DOCUMENT, models.PayloadSchemaType.KEYWORD))
            self._call(lambda: self._index(name, _VERSION, models.PayloadSchemaType.INTEGER))

    def drop(self, name: str) -> None:
        """Remove a collection."""
        self._call(lambda: self._client.delete_collection(name))

    def serve(self, name: str) -> None:
        """Have questions go to this collection from now on: one step, without a gap."""
        self._call(lambda: self._switch(name))

    def put(
        self,
        names: Iterable[str],
        ids: Sequence[int],
        vectors: Vectors | NDArray[np.float16],
        words: Sequence[Codes],
        document: str,
        version: int,
    ) -> None:
        """Add a document's passages to these collections; they can be found when this returns."""
        points = [
            models.PointStruct(
                id=number,
                vector={
                    _DENSE: vector.astype(np.float32).tolist(),
                    _WORDS: models.SparseVector(indices=indices, values=values),
                },
                payload={_DOCUMENT: document, _VERSION: version},
            )
            for number, vector, (indices, values) in zip(
                ids, vectors, map(engine_weights, words), strict=True
            )
        ]
        for name in names:
            for start in range(0, len(points), BATCH):
                batch = points[start : start + BATCH]
                self._call(lambda name=name, batch=batch: self._client.upsert(name, batch, wait=True))  # type: ignore[misc]

    def forget(self, names: Iterable[str], document: str, *, keep: int | None) -> None:
        """Remove a document's points from these collections, all but those of version `keep`."""
        of_document = models.FieldCondition(key=_DOCUMENT, match=models.MatchValue(value=document))
        kept = models.FieldCondition(key=_VERSION, match=models.MatchValue(value=keep or 0))
        selected = models.FilterSelector(filter=models.Filter(must=[of_document], must_not=[kept]))
        for name in names:
            self._call(lambda name=name: self._client.delete(name, selected, wait=True))  # type: ignore[misc]

    def near(self, vector: Vectors, limit: int, documents: Collection[str] | None) -> list[int]:
        """Return the ids of the passages nearest to `vector`, best first."""
        return self._query(vector.astype(np.float32).tolist(), _DENSE, limit, documents)

    def matching(self, codes: Sequence[int], limit: int, documents: Collection[str] | None) -> list[int]:
        """Return the ids of the passages that share most of these words, best first."""
        if not codes:
            return []
        query = models.SparseVector(indices=list(codes), values=[1.0] * len(codes))
        return self._query(query, _WORDS, limit, documents)

    def ids(self, name: str | None = None) -> set[int]:
        """Return the ids of all points of a collection, of the serving one without a name."""
        found: set[int] = set()
        place: models.ExtendedPointId | None = None
        while True:
            points, place = self._call(
                lambda at=place: self._client.scroll(  # type: ignore[misc]
                    name or self._address.collection,
                    limit=1000,
                    offset=at,
                    with_payload=False,
                    with_vectors=False,
                )
            )
            found.update(int(point.id) for point in points)
            if place is None:
                return found

    def _query(
        self,
        query: list[float] | models.SparseVector,
        using: str,
        limit: int,
        documents: Collection[str] | None,
    ) -> list[int]:
        only = None
        if documents is not None:
            if not documents:
                return []
            chosen = models.FieldCondition(key=_DOCUMENT, match=models.MatchAny(any=sorted(set(documents))))
            only = models.Filter(must=[chosen])
        found = self._call(
            lambda: self._client.query_points(
                self._address.collection,
                query=query,
                using=using,
                limit=limit,
                query_filter=only,
                with_payload=False,
            )
        )
        return [int(point.id) for point in found.points]

    def _switch(self, name: str) -> None:
        alias = self._address.collection
        steps: list[models.AliasOperations] = []
        if any(each.alias_name == alias for each in self._client.get_aliases().aliases):
            steps.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
        made = models.CreateAlias(collection_name=name, alias_name=alias)
        steps.append(models.CreateAliasOperation(create_alias=made))
        self._client.update_collection_aliases(steps)

    def _index(self, name: str, field: str, kind: models.PayloadSchemaType) -> None:
        self._client.create_payload_index(name, field, kind, wait=True)

    def _call(self, work: Callable[[], T]) -> T:
        return self._guard.call(work, repeatable=True)


def _is_transient(error: Exception) -> bool:
    """Say whether the engine was at fault, not the request."""
    return (
        not isinstance(error, UnexpectedResponse)
        or (error.status_code or 500) >= 500
        or error.status_code == 429
    )

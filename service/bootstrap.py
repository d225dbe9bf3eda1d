"""The composition root: settings to a ready answerer."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TypedDict

from index.backend import Backend
from index.embedding import open_embedder
from index.library import Library
from index.reader import Reader
from index.reranking import CrossEncoderReranker, Reranker
from index.store import stored_model
from service.answer_cache import CachingAnswerer
from service.answering import Answerer
from service.generation import Generator
from service.ledger import Ledger
from service.settings import Settings, SettingsError


def open_library(settings: Settings, *, create: bool = False) -> Backend:
    """Open the index of `settings` with the model it was made with; `create` makes an empty one if needed.

    Raises the errors of `index.errors` and of `index.embedding`, and `SettingsError` for an address that is none.
    """
    if settings.engine is not None:
        return _open_cluster(settings, settings.engine, create=create)
    embedder = open_embedder(stored_model(settings.index) or settings.model)
    return Library.create(settings.index, embedder) if create else Library.open(settings.index, embedder)


def _open_cluster(settings: Settings, engine: str, *, create: bool) -> Backend:
    try:
        from index.cluster_engine import Address
        from index.cluster_library import ClusterLibrary, stored_cluster_model
    except ImportError as error:
        raise SettingsError(f"{engine} needs more packages: pip install 'pincite[cluster]'") from error
    database = settings.database.get_secret_value()
    if not database:
        raise SettingsError(f"PINCITE_INDEX is {engine}: set PINCITE_DATABASE to postgresql://... as well")
    try:
        address = Address.parse(engine)
    except ValueError as error:
        raise SettingsError(f"PINCITE_INDEX: {error}") from error
    embedder = open_embedder(stored_cluster_model(database) or settings.model)
    return ClusterLibrary.open(address, database, embedder, create=create)


def open_answerer(settings: Settings, *, create: bool = False) -> Answerer:
    """Return the answerer of `settings`. Raises as `open_library` does."""
    return make_answerer(
        open_library(settings, create=create),
        remembered=settings.answer_cache,
        options=open_options(settings),
    )


class Options(TypedDict, total=False):
    """The parts of an answerer that are off by default."""

    reranker: Reranker
    generator: Generator


def make_answerer(library: Backend, *, remembered: int = 0, options: Options | None = None) -> Answerer:
    """Return the answerer that every surface uses, over an open library; `remembered` bounds its answer cache."""
    reader = Reader.open()
    if remembered == 0:
        return Answerer(library, reader=reader, **(options or {}))
    return CachingAnswerer(library, remembered=remembered, reader=reader, **(options or {}))


def open_options(settings: Settings) -> Options:
    """Return the reranker and the generator that `settings` name. Raises `ModelError` and `SettingsError`."""
    options = Options()
    if settings.reranker:
        options["reranker"] = CrossEncoderReranker.open(settings.reranker)
    if not settings.generator_url:
        return options
    if not settings.generator_model:
        raise SettingsError("PINCITE_GENERATOR_URL is set: say which model with PINCITE_GENERATOR_MODEL")
    if find_spec("httpx") is None:
        raise SettingsError("PINCITE_GENERATOR_URL needs an extra: pip install 'pincite[client]'")
    key = settings.generator_key.get_secret_value()
    options["generator"] = Generator.at(
        settings.generator_url, settings.generator_model, key=key, seconds=settings.generator_seconds
    )
    return options


def open_ledger(settings: Settings) -> Ledger:
    """Return the ledger beside the index of `settings`. Raises `DamagedLedgerError`."""
    return Ledger.open(settings.folder, keep_answers=settings.keep_answers, keep_days=settings.keep_days)

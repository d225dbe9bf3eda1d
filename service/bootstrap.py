"""The composition root: settings to a ready answerer."""

from __future__ import annotations

from index.embedding import open_embedder
from index.library import Library
from index.reader import Reader
from index.store import stored_model
from service.answer_cache import CachingAnswerer
from service.answering import Answerer
from service.ledger import Ledger
from service.settings import Settings


def open_library(settings: Settings, *, create: bool = False) -> Library:
    """Open the index of `settings` with the model it was made with; `create` makes an empty one if needed.

    Raises the errors of `index.errors` and of `index.embedding`.
    """
    embedder = open_embedder(stored_model(settings.index) or settings.model)
    return Library.create(settings.index, embedder) if create else Library.open(settings.index, embedder)


def open_answerer(settings: Settings, *, create: bool = False) -> Answerer:
    """Return the answerer of `settings`. Raises as `open_library` does."""
    return make_answerer(open_library(settings, create=create), remembered=settings.answer_cache)


def make_answerer(library: Library, *, remembered: int = 0) -> Answerer:
    """Return the answerer that every surface uses, over an open library; `remembered` bounds its answer cache."""
    reader = Reader.open()
    if remembered == 0:
        return Answerer(library, reader=reader)
    return CachingAnswerer(library, remembered=remembered, reader=reader)


def open_ledger(settings: Settings) -> Ledger:
    """Return the ledger beside the index of `settings`. Raises `DamagedLedgerError`."""
    return Ledger.open(settings.index, keep_answers=settings.keep_answers, keep_days=settings.keep_days)

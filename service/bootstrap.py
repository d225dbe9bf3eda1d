"""The composition root: settings to a ready answerer."""

from __future__ import annotations

from index.embedding import open_embedder
from index.library import Library
from index.store import stored_model
from service.answering import Answerer
from service.settings import Settings


def open_library(settings: Settings, *, create: bool = False) -> Library:
    """Open the index of `settings` with the model it was made with; `create` makes an empty one if needed.

    Raises the errors of `index.errors` and of `index.embedding`.
    """
    embedder = open_embedder(stored_model(settings.index) or settings.model)
    return Library.create(settings.index, embedder) if create else Library.open(settings.index, embedder)


def open_answerer(settings: Settings, *, create: bool = False) -> Answerer:
    """Return the answerer of `settings`. Raises as `open_library` does."""
    return Answerer(open_library(settings, create=create))

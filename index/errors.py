"""What can go wrong with an index.

PinciteIndexError
+-- MissingIndexError      there is no index in that folder
+-- DamagedIndexError      the store is not readable as one
+-- FormatError            the store is of a format this version does not know
+-- ModelMismatchError     the index was made with another embedding model
+-- UnknownDocumentError   no document has that id
+-- BusyError              another process is writing
+-- ConflictError          the document changed while it was being replaced
+-- ChangedError           the document changed since the snapshot was made
+-- NoSpaceError           the disk takes no more
+-- UnavailableError       a part of the cluster does not answer
"""

from __future__ import annotations


class PinciteIndexError(Exception):
    """Root of the tree. The message says what was found, what was expected and how to mend it."""


class MissingIndexError(PinciteIndexError):
    """There is no index in that folder."""


class DamagedIndexError(PinciteIndexError):
    """The store cannot be read; nothing was written to it."""


class FormatError(PinciteIndexError):
    """The store was written in a format that this version does not know."""


class ModelMismatchError(PinciteIndexError):
    """The index was made with another embedding model than the one at hand."""


class UnknownDocumentError(PinciteIndexError):
    """No document has that id."""


class BusyError(PinciteIndexError):
    """Another process holds the store for writing."""


class ConflictError(PinciteIndexError):
    """The document changed while it was being replaced."""


class ChangedError(PinciteIndexError):
    """The document was replaced or removed since the snapshot was made that a question runs on."""


class NoSpaceError(PinciteIndexError):
    """The disk that holds the index is full or may not be written to."""


class UnavailableError(PinciteIndexError):
    """A part of the cluster does not answer. Nothing is lost: the same call may be made again.

    `retry_after` says in how many seconds that is worth while.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after

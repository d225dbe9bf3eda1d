"""What can be wrong with a document. Every error has a stable `code` for programs to act on.

ReadError
+-- UnsupportedError        unsupported       a format Pincite does not read
+-- NoTextError             no_text           nothing to read in it
+-- UndecodableError        encoding          the bytes are not text in an encoding that can be told
+-- UnreadableError         unreadable        damaged, cut off or unsafe
+-- EncryptedError          encrypted         needs a password
+-- TooManyPagesError       too_many_pages    more pages than the limit
+-- ExtractionLimitError    extraction_limit  reading it takes more memory, time or text than the limit
"""

from __future__ import annotations

from typing import ClassVar


class ReadError(Exception):
    """A document could not be read. The message names the document, what is wrong and the mend."""

    code: ClassVar[str] = "unreadable"


class UnsupportedError(ReadError):
    """The content is of a format that Pincite does not read."""

    code = "unsupported"


class NoTextError(ReadError):
    """The document holds no text."""

    code = "no_text"


class UndecodableError(ReadError):
    """The bytes are not text in an encoding that can be told with certainty."""

    code = "encoding"


class UnreadableError(ReadError):
    """The document is damaged, cut off or unsafe to open."""

    code = "unreadable"


class EncryptedError(ReadError):
    """The document cannot be opened without a password."""

    code = "encrypted"


class TooManyPagesError(ReadError):
    """The document has more pages than the limit."""

    code = "too_many_pages"


class ExtractionLimitError(ReadError):
    """Reading the document takes more memory, time or text than the limits allow."""

    code = "extraction_limit"


BY_CODE: dict[str, type[ReadError]] = {
    error.code: error
    for error in (
        UnsupportedError,
        NoTextError,
        UndecodableError,
        UnreadableError,
        EncryptedError,
        TooManyPagesError,
        ExtractionLimitError,
    )
}

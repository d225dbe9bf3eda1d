"""Bytes to documents: one reader a format, chosen by content and never by name.

ReadError
+-- UndecodableError    the bytes are not text in a known encoding
+-- NoTextError         nothing to read in it
+-- UnsupportedError    a format Pincite does not read
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath

from ingest.markdown import read_markdown
from ingest.plain import read_plain
from ingest.types import Block, Document


class ReadError(Exception):
    """A document could not be read. The message names the document and the mend."""


class UndecodableError(ReadError):
    """The bytes are not text in an encoding that can be told with certainty."""


class NoTextError(ReadError):
    """The document holds no text."""


class UnsupportedError(ReadError):
    """The content is of a format that Pincite does not read."""


_MARKDOWN = re.compile(
    r"^(?:#{1,6}[ \t]+\S|[ \t]{0,3}```|\[\^[^\]\n]+\]:|\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*$|---[ \t]*$)"
    r"|\*\*\S|\]\([^\s()\[\]]+\)|<sup>",
    re.MULTILINE,
)
_BINARY = (b"\x7fELF", b"MZ", b"PK\x03\x04", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"\x1f\x8b")


def read_document(data: bytes, name: str) -> Document:
    """Read `data`, known to people as `name`.

    Raises `ReadError` for what cannot be read. The source text is `data` decoded and nothing else: its
    encoding again gives `data` back.
    """
    if data.startswith(_BINARY):
        raise UnsupportedError(f"{name!r} is not text: Pincite reads Markdown and plain text")
    source = _decode(data, name)
    if _MARKDOWN.search(source):
        media_type, blocks = "text/markdown", read_markdown(source)
    else:
        media_type, blocks = "text/plain", read_plain(source)
    if not blocks:
        raise NoTextError(f"{name!r} holds no text ({len(data)} bytes)")
    return Document(_title(blocks, name), source, hashlib.sha256(data).hexdigest(), media_type, blocks)


def _decode(data: bytes, name: str) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UndecodableError(
            f"{name!r} is not {encoding.upper()} text: byte {error.start} is {data[error.start]:#04x}. "
            "Save it as UTF-8 and add it again"
        ) from error


def _title(blocks: tuple[Block, ...], name: str) -> str:
    """Return the first heading of the highest rank near the top, else the file's name without its ending."""
    headings = [block for block in blocks[:20] if block.kind in ("title", "heading")]
    if headings:
        return min(headings, key=lambda block: block.level).text
    return PurePath(name.replace("\\", "/")).stem or name

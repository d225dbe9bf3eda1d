"""Bytes to documents: one reader a format, chosen by content and never by name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from ingest.content import Content, File, Limits, Reader
from ingest.errors import (
    EncryptedError,
    ExtractionLimitError,
    NoTextError,
    ReadError,
    TooManyPagesError,
    UndecodableError,
    UnreadableError,
    UnsupportedError,
)
from ingest.markdown import read_markdown
from ingest.plain import read_plain
from ingest.sandbox import read_apart
from ingest.types import Block, Document

__all__ = [
    "EncryptedError",
    "ExtractionLimitError",
    "Limits",
    "NoTextError",
    "ReadError",
    "TooManyPagesError",
    "UndecodableError",
    "UnreadableError",
    "UnsupportedError",
    "clean_title",
    "read_document",
]

_MARKDOWN = re.compile(
    r"^(?:#{1,6}[ \t]+\S|[ \t]{0,3}```|\[\^[^\]\n]{1,80}\]:|\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*$|---[ \t]*$)"
    r"|\*\*\S|\]\([^\s()]{1,2000}\)|<sup>",
    re.MULTILINE,
)
_HTML_PAGE = re.compile(
    r"\s*(?:<\?xml\b[^>]*>\s*|<!--(?:(?!-->).)*-->\s*)*(?:<!doctype\s+html\b|<(?:html|head|body)\b)",
    re.IGNORECASE | re.DOTALL,
)
_HTML_PART = re.compile(
    r"\s*<(?:title|meta|main|article|section|div|header|nav|table|ul|ol|h[1-6]|p)\b", re.IGNORECASE
)
_HTML_CLOSED = re.compile(
    r"</(?:main|article|section|div|header|nav|table|ul|ol|h[1-6]|p)\s*>", re.IGNORECASE
)
_SNIFFED = 4096  # characters
_FOREIGN = {
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"\xca\xfe\xba\xbe": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"II*\0": "an image",
    b"MM\0*": "an image",
    b"\x1f\x8b": "a compressed file",
    b"BZh": "a compressed file",
    b"\xfd7zXZ": "a compressed file",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
    b"{\\rtf": "an RTF file",
    b"%!PS": "a PostScript file",
    b"SQLite format 3": "a database",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_TITLE_CHARACTERS = 200


def read_document(data: bytes, name: str, limits: Limits | None = None) -> Document:
    """Read `data`, known to people as `name`.

    The source text of Markdown, plain text and HTML is `data` decoded and nothing else; that of PDF and
    DOCX is the text that was extracted. PDF, DOCX and HTML are parsed in a child process that `limits`
    bind. Raises `ReadError`; each kind has its `code`.
    """
    file = File(data, name)
    limits = limits or Limits()
    if not data:
        raise NoTextError(f"{name!r} is empty (0 bytes)")
    reader = next(reader for reader in _READERS if reader.matches(file))
    content = reader.read(file, limits)
    if not any(block.kind != "furniture" for block in content.blocks):
        raise NoTextError(f"{name!r} holds no text ({len(data)} bytes)")
    return Document(
        _title(content, name),
        content.source,
        hashlib.sha256(data).hexdigest(),
        reader.media_type,
        content.blocks,
        file.text[1] if reader.media_type.startswith("text/") else None,
        content.boxes,
    )


def clean_title(name: str) -> str:
    """Return `name` as a title: without folders, ending and characters that do not show; never a path."""
    shown = "".join(c for c in name if unicodedata.category(c) not in _UNSEEN)
    last = re.split(r"[/\\]|%2[fF]|%5[cC]", shown)[-1].strip()
    stem, dot, ending = last.rpartition(".")
    title = stem if dot and stem.strip(". ") and len(ending) <= 8 and " " not in ending else last
    return " ".join(title.split())[:_TITLE_CHARACTERS] or "Untitled"


def _title(content: Content, name: str) -> str:
    """Return the first heading of the highest rank near the top, else the format's title, else the name."""
    body = [block for block in content.blocks if block.kind != "furniture"]
    headings = [block for block in body[:20] if block.kind in ("title", "heading")]
    if headings:
        return min(headings, key=lambda block: block.level).text
    return content.title.strip() or clean_title(name)


@dataclass(frozen=True, slots=True)
class _Apart:
    """A format that is parsed in a child process."""

    media_type: str
    parser: str
    _matches: Callable[[File], bool]

    def matches(self, file: File) -> bool:
        return self._matches(file)

    def read(self, file: File, limits: Limits) -> Content:
        data = file.text[0].encode("utf-8") if self.media_type.startswith("text/") else file.data
        return read_apart(self.parser, data, file.name, limits)


@dataclass(frozen=True, slots=True)
class _Text:
    """A format that is text as it stands, read in linear time by code that cannot corrupt memory."""

    media_type: str
    blocks: Callable[[str], tuple[Block, ...]]
    _matches: Callable[[File], bool]

    def matches(self, file: File) -> bool:
        return self._matches(file)

    def read(self, file: File, limits: Limits) -> Content:
        source, _ = file.text
        if len(source) > limits.characters:
            raise ExtractionLimitError(
                f"{file.name!r} holds {len(source)} characters, the limit is {limits.characters}. Split it"
            )
        # A byte order mark would hide the first mark of the format; one line break keeps every place.
        return Content(source, self.blocks("\n" + source[1:] if source.startswith("\ufeff") else source))


@dataclass(frozen=True, slots=True)
class _Foreign:
    """What is known not to be read: says what it is."""

    media_type: str = "application/octet-stream"

    def matches(self, file: File) -> bool:
        return _foreign(file) is not None

    def read(self, file: File, limits: Limits) -> Content:  # noqa: ARG002
        error = _foreign(file)
        assert error is not None
        raise error


def _foreign(file: File) -> ReadError | None:
    name, data = file.name, file.data
    reads = "Pincite reads PDF, DOCX, HTML, Markdown and plain text"
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        if any(_leads_out(member) for member in _members(file)):
            return UnreadableError(
                f"{name!r} is an archive with members that lead out of it: it is not opened"
            )
        return UnsupportedError(f"{name!r} is an archive or an office file: {reads}")
    if data.startswith(_OLE):
        if _OLE_ENCRYPTED in data:
            return EncryptedError(f"{name!r} is encrypted: save it without a password and add it again")
        return UnsupportedError(
            f"{name!r} is an old office file (.doc, .xls, .ppt): save it as .docx or .pdf"
        )
    for magic, kind in _FOREIGN.items():
        if data.startswith(magic) and (len(magic) > 3 or b"\0" in data):  # "MZ" may begin a text
            return UnsupportedError(f"{name!r} is {kind}: {reads}")
    return None


def _members(file: File) -> list[str]:
    if not file.data.startswith(b"PK\x03\x04"):
        return []
    try:
        with ZipFile(BytesIO(file.data)) as archive:
            return archive.namelist()
    except (BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise UnreadableError(f"{file.name!r} is a damaged archive: is the file whole?") from error


def _leads_out(member: str) -> bool:
    return member.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", member) or member[1:2] == ":"


def _is_pdf(file: File) -> bool:
    return b"%PDF-" in file.data[:8] or (b"%PDF-" in file.data[:1024] and b"\0" in file.data)


def _is_docx(file: File) -> bool:
    members = _members(file)
    return "[Content_Types].xml" in members and any(m.startswith("word/document") for m in members)


def _is_html(file: File) -> bool:
    start = file.text[0][:_SNIFFED].lstrip("\ufeff")
    if _HTML_PAGE.match(start):
        return True
    return bool(_HTML_PART.match(start) and _HTML_CLOSED.search(start)) and not _MARKDOWN.search(start)


def _is_markdown(file: File) -> bool:
    return bool(_MARKDOWN.search(file.text[0]))


def _always(file: File) -> bool:  # noqa: ARG001
    return True


_READERS: tuple[Reader, ...] = (
    _Apart("application/pdf", "pdf", _is_pdf),
    _Apart("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", _is_docx),
    _Foreign(),
    _Apart("text/html", "html", _is_html),
    _Text("text/markdown", read_markdown, _is_markdown),
    _Text("text/plain", read_plain, _always),
)

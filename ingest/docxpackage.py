"""The parts of a DOCX file: a ZIP archive of XML, read as streams and within limits.

The XML is read by the standard library's expat, which never fetches anything; a part with a document type
declaration is refused, so that there is no entity to expand.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from io import BytesIO
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

from ingest.content import Limits
from ingest.errors import EncryptedError, ExtractionLimitError, UnreadableError

_WORD = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_MATH = (
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",
)
_CHUNK = 1 << 16
_PART_BYTES = 4  # how many bytes of XML a part may have for each character of text that is allowed

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


class Package:
    """The parts of the archive, each read once and within the limits."""

    def __init__(self, data: bytes, name: str, limits: Limits) -> None:
        self.name = name
        self.most = limits.characters * _PART_BYTES
        try:
            self.archive = ZipFile(BytesIO(data))
        except (BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise self._damaged("it is no whole ZIP archive") from error
        for member in self.archive.namelist():
            if member.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", member) or member[1:2] == ":":
                raise UnreadableError(
                    f"{name!r} holds the member {member[:80]!r}, which leads out of the archive"
                )

    def parse(self, part: str, start: Start, end: End, text: Text | None = None) -> None:
        """Parse `part`; element names come as "local" for words, "math:local" for formulas, "*" for others."""
        try:
            info = self.archive.getinfo(part)
        except KeyError as error:
            raise self._damaged(f"its part {part!r} is missing") from error
        if info.flag_bits & 1:
            raise EncryptedError(f"{self.name!r} is encrypted: save it without a password and add it again")
        if info.file_size > self.most:
            raise ExtractionLimitError(
                f"{self.name!r} unpacks to {info.file_size} bytes in {part!r}, the limit is {self.most}. Split it"
            )
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = lambda tag, attributes: start(_local(tag), _attributes(attributes))
        parser.EndElementHandler = lambda tag: end(_local(tag))
        parser.CharacterDataHandler = text
        try:
            with self.archive.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    parser.Parse(chunk)
            parser.Parse(b"", True)
        except (expat.ExpatError, BadZipFile, ZlibError, EOFError, NotImplementedError, LookupError) as error:
            raise self._damaged(f"its part {part!r} cannot be parsed") from error

    def related(self, part: str) -> dict[str, list[str]]:
        """Return the parts that `part` points to, by the last word of their relationship's type."""
        folder, file = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{file}.rels")
        found: dict[str, list[str]] = {}

        def start(_: str, attributes: dict[str, str]) -> None:
            if "Target" in attributes and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes["Target"])).lstrip("/")
                found.setdefault(attributes.get("Type", "").rpartition("/")[2], []).append(target)

        if relations in self.archive.namelist():
            self.parse(relations, start, lambda _: None)
        return found

    def _refuse(self, *_: object) -> None:
        raise UnreadableError(
            f"{self.name!r} declares a document type, which no DOCX file needs: it is not opened"
        )

    def _damaged(self, why: str) -> UnreadableError:
        return UnreadableError(
            f"{self.name!r} is a damaged DOCX file: {why}. Open and save it again in its program"
        )


def _local(tag: str) -> str:
    space, _, local = tag.rpartition(" ")
    return local if space in _WORD or not space else f"math:{local}" if space in _MATH else f"*{local}"


def _attributes(attributes: dict[str, str]) -> dict[str, str]:
    return {name.rpartition(" ")[2]: value for name, value in attributes.items()}

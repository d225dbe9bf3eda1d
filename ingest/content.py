"""What goes into the reader of a format and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from ingest.decoding import decode
from ingest.types import Block

if TYPE_CHECKING:
    from ingest.boxes import Boxes


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one document may cost.

    `seconds` of processor time and `memory` in bytes bind the child process that parses binary formats.
    `characters` is the most source text a document may hold.
    """

    pages: int = 2_000
    seconds: int = 120
    memory: int = 1 << 30
    characters: int = 50_000_000


@dataclass(frozen=True)
class File:
    """Bytes to read and what people call them; `text` is the bytes decoded, and the encoding's name."""

    data: bytes
    name: str

    @cached_property
    def text(self) -> tuple[str, str]:
        """The decoded bytes and the name of their encoding. Raises `UndecodableError`."""
        return decode(self.data, self.name)


@dataclass(frozen=True)
class Content:
    """The source text of a document and its blocks; `title` where the format has a place for one."""

    source: str
    blocks: tuple[Block, ...]
    title: str = ""
    boxes: Boxes | None = None


class Reader(Protocol):
    """One format: tells its files by their content and reads them."""

    @property
    def media_type(self) -> str:
        """The format's media type."""

    def matches(self, file: File) -> bool:
        """Say whether `file` is of this format, by its content alone."""

    def read(self, file: File, limits: Limits) -> Content:
        """Return what `file` holds. Raises `ReadError`."""

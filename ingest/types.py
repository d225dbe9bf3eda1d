"""The common language of reading: small immutable records.

All offsets are Unicode code points, end exclusive. *Source* offsets point into the text as it came;
*reading* offsets point into the text as a person should read it. A name says which it is where both occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ingest.boxes import Boxes

Quality = Literal["intact", "joined", "repaired", "suspect"]
"""What happened between source and reading text, from harmless to doubtful."""

BlockKind = Literal[
    "title",
    "heading",
    "paragraph",
    "list_item",
    "table_row",
    "quote",
    "code",
    "note",
    "front_matter",
    "furniture",
]


EditKind = Literal["join", "drop", "move", "replace", "mark"]
"""The operations of a repair. `mark` leaves the text as it is and says that it is suspect."""


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of code points."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span must run forwards from 0: start={self.start}, end={self.end}")

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of reading text and the source characters `source[start:end]` it stands for.

    Equal lengths mean that the two run in step, character by character. Otherwise the piece is a
    replacement (an entity, a ligature) and stands for the whole source run; `start == end` marks an
    inserted space. `quality` is `joined` on the first piece after an interruption: no span crosses it.

    A note mark is a piece with `note`, the label of the note it calls. This is how every reader hands a mark
    over: `Piece("", start, end, note="12")` where the mark is no part of the sentence (a superscript,
    `[^12]`; its place is kept, its text is not read), or with its text where it is (`[12]` in running text).
    One piece a label: a group such as `5,6,7` is three pieces, each with its own source range.
    """

    text: str
    start: int
    end: int
    quality: Quality = "intact"
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One block as the reader of its format saw it: where it stands in the source and how it reads.

    `level` is the rank of a heading (1-6) or the depth of a list item. `page` counts from 1 in formats that
    have pages. `label` is a note's label: a reader that knows its notes hands each over as one or more blocks
    of kind `note` with that label (the label itself is in no piece); where it does not know, a paragraph that
    begins with a mark is recognised as a note by the repair. `urls` are the link targets that the text does
    not show. A block of kind `furniture` (a running head, a page number) is left out of the reading text.
    """

    kind: BlockKind
    start: int
    end: int
    pieces: tuple[Piece, ...]
    level: int = 0
    page: int | None = None
    label: str | None = None
    urls: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The reading text of the block."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read: the source text, never changed, and its blocks in source order.

    `encoding` is what the bytes of a text format were decoded from. `boxes` are the places on the pages of
    a format that has pages.
    """

    title: str
    source: str
    sha256: str
    media_type: str
    blocks: tuple[Block, ...]
    encoding: str | None = None
    boxes: Boxes | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """One recorded operation of a repair: what was done to which source characters, and why.

    `at` is where in the reading text it shows (the place it was dropped from, for a drop). The source of a
    join is what lies between the two parts.
    """

    kind: EditKind
    source: Span
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Section:
    """A block's place in the reading text, with the headings above it.

    `label` is a note's label, or what a piece of front matter holds: `authors` or `date`.
    """

    kind: BlockKind
    start: int
    end: int
    path: tuple[str, ...]
    page: int | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote or endnote: where it stands in the reading text, and the addresses it names."""

    label: str
    start: int
    end: int
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A call of a note. `at` is the reading offset it follows; `note` is the index of its note, if there is one."""

    at: int
    label: str
    source: Span
    note: int | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A stretch of the source, left out of the reading text, that repeats reading range `start:end`."""

    start: int
    end: int
    source: Span


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in reading offsets; `passage` is the ordinal of the passage that holds it."""

    ordinal: int
    passage: int
    start: int
    end: int
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences in reading offsets: the unit that is embedded and ranked."""

    ordinal: int
    start: int
    end: int
    section_path: tuple[str, ...]
    page: int | None = None

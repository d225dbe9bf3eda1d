"""HTML to blocks, with the source place of every character."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ingest.content import Content
from ingest.htmlroles import boilerplate, is_hidden, note_id, note_label
from ingest.htmltokens import Token, html_tokens
from ingest.marks import note_marks
from ingest.pieces import trimmed
from ingest.tables import TableBuilder
from ingest.types import Block, BlockKind, Piece

_SPACES = re.compile(r"[ \t\n\f\r]{2,}|[\t\n\f\r]")
_HEADING = re.compile(r"h[1-6]")
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption"
    " figure footer form h1 h2 h3 h4 h5 h6 head header hgroup html legend li main menu nav ol p pre search"
    " section summary table tbody td tfoot th thead title tr ul".split()
)
_VOID = frozenset("br hr img input link meta wbr area base col embed param source track".split())
_UNREAD = frozenset(
    "script style template noscript iframe object svg annotation annotation-xml canvas audio video select"
    " datalist button textarea noframes noembed".split()
)
# A start tag closes the first of these that is open, unless one of the second set is open inside it.
_IMPLIED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset(["li"]), frozenset(["ul", "ol", "menu", "dir"])),
    "dt": (frozenset(["dt", "dd"]), frozenset(["dl"])),
    "dd": (frozenset(["dt", "dd"]), frozenset(["dl"])),
    "tr": (frozenset(["tr"]), frozenset(["table"])),
    "tbody": (frozenset(["thead", "tbody", "tfoot"]), frozenset(["table"])),
    "td": (frozenset(["td", "th"]), frozenset(["tr", "table"])),
    "th": (frozenset(["td", "th"]), frozenset(["tr", "table"])),
}
_ENDS_PARAGRAPH = _BLOCKS - {"td", "th", "tr", "title", "head"}
_DEPTH = 512  # as browsers do: deeper elements are read as if they were not nested


def read_html(source: str) -> Content:
    """Return the blocks of HTML `source` in source order; `title` is its `<title>`.

    What a page repeats around its text (navigation, page header and footer, asides, forms, cookie banners)
    and what it hides become blocks of kind `furniture`; what no one reads (scripts, styles) becomes none.
    """
    builder = _Builder(source)
    for token in html_tokens(source):
        builder.feed(token)
    return builder.finish()


@dataclass(slots=True)
class _Element:
    """An open element; `boilerplate` is sure or, while it may yet hold the main text, only likely."""

    tag: str
    first_block: int
    boilerplate: str = ""  # "", "likely" or "sure"
    holds_text: bool = False
    note: str = ""  # the id of a note


class _Builder:
    """Collects the pieces of the innermost block from a stream of tokens."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.blocks: list[Block] = []
        self.note_of: dict[int, tuple[str, str]] = {}  # block -> id and label of the note it may be
        self.pieces: list[Piece] = []
        self.open: list[_Element] = []
        self.tables: list[TableBuilder] = []
        self.furniture: list[tuple[int, int]] = []  # ranges of blocks
        self.unread: list[str] = []
        self.preformatted = 0  # open <pre> elements
        self.urls: list[str] = []
        self.title = ""
        self.held: list[tuple[int, str, bool]] = []  # <sup> and <a>: where its pieces start, its target
        self.targets: set[str] = set()

    def feed(self, token: Token) -> None:
        """Take the next token."""
        if token.kind == "start":
            self._start(token)
        elif token.kind == "end":
            self._end(token)
        elif token.kind == "reference" and not self.unread:
            self._add(Piece(token.value, token.start, token.end))
        elif token.kind == "text" and not self.unread:
            self._text(token)

    def finish(self) -> Content:
        """Close what is open and return the content."""
        self._close(0)
        self._flush()
        kinds: list[BlockKind] = [block.kind for block in self.blocks]
        for first, last in self.furniture:
            kinds[first:last] = ["furniture"] * (last - first)
        if all(kind == "furniture" for kind in kinds):  # then it is what the page is about
            kinds = [block.kind for block in self.blocks]
        blocks = list(self.blocks)
        for index, (target, label) in self.note_of.items():
            if target in self.targets:
                kinds[index] = "note"
                blocks[index] = replace(blocks[index], label=label)
        return Content(
            self.source,
            tuple(
                b if b.kind == kind else replace(b, kind=kind) for b, kind in zip(blocks, kinds, strict=True)
            ),
            self.title,
        )

    # tags

    def _start(self, token: Token) -> None:
        tag = token.value
        if self.unread:
            if tag == self.unread[0] and not token.closed:
                self.unread.append(tag)
            return
        if tag in _UNREAD:
            if not token.closed:
                self.unread.append(tag)
        elif tag == "br":
            self._add(Piece(" ", token.start, token.end))
        elif tag == "hr":
            self._break()
        elif tag in ("sup", "a"):
            target = token.attributes.get("href", "")
            self.held.append((len(self.pieces), target[1:] if target.startswith("#") else "", tag == "sup"))
            if target.lower().startswith(("http://", "https://")):
                self.urls.append(target)
        elif tag in _BLOCKS:
            self._start_block(tag, token)
        elif tag not in _VOID and not token.closed and is_hidden(token):
            self._break()
            if len(self.open) < _DEPTH:
                self.open.append(_Element(tag, len(self.blocks), "sure"))

    def _start_block(self, tag: str, token: Token) -> None:
        if tag in _ENDS_PARAGRAPH:
            self._close_implied(frozenset(["p"]), _BLOCKS - {"p"})
        if tag in _IMPLIED:
            self._close_implied(*_IMPLIED[tag])
        if len(self.open) >= _DEPTH:
            self._break()
            return
        table = self.tables[-1] if self.tables else None
        if tag == "table":
            if table:
                table.is_layout = True
            self._break()
            self.tables.append(TableBuilder())
        elif table and tag in ("td", "th"):
            self._flush()
            across, down = (_span(token.attributes.get(name, "")) for name in ("colspan", "rowspan"))
            table.start_cell(across, down, tag == "th")
        elif table and tag == "tr":
            table.start_row()
        elif table and tag == "thead":
            table.in_head = True
        elif table and (_HEADING.fullmatch(tag) or tag in ("ul", "ol", "dl", "pre")):
            table.is_layout = True
        self._break()
        if tag in ("h1", "main", "article"):
            for element in reversed(self.open):
                if element.holds_text:
                    break
                element.holds_text = True
        self.preformatted += tag == "pre"
        self.open.append(
            _Element(
                tag,
                len(self.blocks),
                boilerplate(token, (element.tag for element in self.open)),
                note=note_id(token),
            )
        )

    def _end(self, token: Token) -> None:
        tag = token.value
        if self.unread:
            if tag == self.unread[-1]:
                self.unread.pop()
        elif tag in ("sup", "a"):
            if self.held:
                self._end_mark(*self.held.pop())
        else:
            for depth in range(len(self.open) - 1, -1, -1):
                if self.open[depth].tag == tag:
                    self._close(depth)
                    break
                if self.open[depth].tag == "table" and tag != "table":
                    break

    def _end_mark(self, first: int, target: str, raised: bool) -> None:
        """Take a note mark out of the text: a raised number, or a number that links within the page."""
        first = min(first, len(self.pieces))
        held = self.pieces[first:]
        text = "".join(piece.text for piece in held).strip()
        if target and text in ("↩", "↩︎", "^", "↑"):  # the way back from a note
            del self.pieces[first:]
        elif raised or (target and (self._raised() or not text.isdigit())):
            found = note_marks(held) or [piece for piece in held if piece.note]
            if target and found:
                self.targets.add(target)
            if note_marks(held):
                self.pieces[first:] = found

    def _raised(self) -> bool:
        return any(raised for _, _, raised in self.held)

    def _close_implied(self, closed: frozenset[str], kept: frozenset[str]) -> None:
        for depth in range(len(self.open) - 1, -1, -1):
            tag = self.open[depth].tag
            if tag in closed:
                self._close(depth)
                return
            if tag in kept:
                return

    def _close(self, depth: int) -> None:
        """Close the open elements from `depth` on."""
        while len(self.open) > depth:
            tag = self.open[-1].tag
            table = self.tables[-1] if self.tables else None
            if tag == "title":
                self.title = self.title or " ".join("".join(piece.text for piece in self.pieces).split())
                self.pieces.clear()
            elif table and tag in ("td", "th"):
                self._end_cell(table)
            elif table and tag == "thead":
                table.in_head = False
            elif table and tag == "table":
                self._break()
                self.tables.pop()
                self.blocks.extend(table.blocks())
            self._break()
            self.preformatted -= tag == "pre"
            element = self.open.pop()
            if element.boilerplate == "sure" or (element.boilerplate and not element.holds_text):
                self.furniture.append((element.first_block, len(self.blocks)))

    def _end_cell(self, table: TableBuilder) -> None:
        if table.is_layout:
            self.blocks.extend(table.loosen())
            self._flush()
        else:
            table.end_cell(trimmed(self.pieces))
            self.pieces, self.held = [], []

    # text

    def _text(self, token: Token) -> None:
        start, end = token.start, token.end
        raw = self.source[start:end]
        read = raw.replace("\r\n", "\n").replace("\r", "\n")
        if len(read) != len(token.value):
            self._add(Piece(token.value, start, end))  # the tokenizer dropped something, such as "</>"
        elif self.preformatted:
            self._add(Piece(raw, start, end))
        else:
            at = start
            for space in _SPACES.finditer(self.source, start, end):
                self._add(Piece(self.source[at : space.start()], at, space.start()))
                self._add(Piece(" ", space.start(), space.end()))
                at = space.end()
            self._add(Piece(self.source[at:end], at, end))

    def _add(self, piece: Piece) -> None:
        if not piece.text:
            return
        last = self.pieces[-1] if self.pieces else None
        if piece.text == " " and (last is None or last.text[-1:] in (" ", "\n")):
            return
        if (
            last
            and last.text[-1:] == " "
            and piece.text[0] == " "
            and len(piece.text) == piece.end - piece.start
        ):
            piece = Piece(piece.text[1:], piece.start + 1, piece.end)
        self.pieces.append(piece)

    def _break(self) -> None:
        """End the block under construction; in a table cell, where blocks are words of one value, add a space."""
        table = self.tables[-1] if self.tables else None
        if table and table.in_cell and not table.is_layout:
            if self.pieces:
                end = self.pieces[-1].end
                self._add(Piece(" ", end, end))
        else:
            if table and table.is_layout:
                self.blocks.extend(table.loosen())
            self._flush()

    def _flush(self) -> None:
        pieces, self.pieces, self.held = trimmed(self.pieces), [], []
        urls, self.urls = tuple(dict.fromkeys(self.urls)), []
        shown = "".join(piece.text for piece in pieces)
        if not shown.strip():
            return
        kind, level = self._kind()
        note = next((element.note for element in reversed(self.open) if element.note), "")
        if note:
            self.note_of[len(self.blocks)] = note, note_label(note)
        urls = tuple(url for url in urls if url not in shown)
        self.blocks.append(Block(kind, pieces[0].start, pieces[-1].end, pieces, level, urls=urls))

    def _kind(self) -> tuple[BlockKind, int]:
        for depth in range(len(self.open) - 1, -1, -1):
            tag = self.open[depth].tag
            if _HEADING.fullmatch(tag):
                return "heading", int(tag[1])
            if tag == "pre":
                return "code", 0
            if tag in ("li", "dd", "dt"):
                lists = sum(element.tag in ("ul", "ol", "dl", "menu", "dir") for element in self.open[:depth])
                return "list_item", max(lists, 1)
            if tag == "blockquote":
                return "quote", 0
        return "paragraph", 0


def _span(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1

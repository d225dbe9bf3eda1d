"""The paragraph styles of a DOCX file: which of them are headings, lists or quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.types import BlockKind

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)


@dataclass(slots=True)
class _Style:
    name: str = ""
    base: str = ""
    outline: int | None = None
    numbered: bool = False


class Styles:
    """The paragraph styles by their id."""

    def __init__(self) -> None:
        self.styles: dict[str, _Style] = {}
        self.current = _Style()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        value = attributes.get("val", "")
        if tag == "style":
            self.current = self.styles.setdefault(attributes.get("styleId", ""), _Style())
        elif tag == "name":
            self.current.name = value
        elif tag == "basedOn":
            self.current.base = value
        elif tag == "outlineLvl":
            self.current.outline = number(value)
        elif tag == "numId":
            self.current.numbered = value != "0"

    def end(self, tag: str) -> None:
        if tag == "style":
            self.current = _Style()

    def kind(self, identity: str) -> tuple[BlockKind, int]:
        """Return the kind and level of paragraphs of a style, its own or what it is based on."""
        numbered = False
        for _ in range(20):  # a chain of styles may be a circle
            style = self.styles.get(identity)
            if style is None:
                break
            heading = _HEADING.match(style.name)
            if heading:
                return "heading", min(int(heading[1]), 6)
            if style.name.lower() == "title":
                return "title", 1
            if style.outline is not None and style.outline < 9:
                return "heading", min(style.outline + 1, 6)
            if "quote" in style.name.lower():
                return "quote", 0
            numbered = numbered or style.numbered
            identity = style.base
        return ("list_item", 1) if numbered else ("paragraph", 0)


def number(value: str) -> int | None:
    """Return the number that an attribute holds, if it does."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None

"""HTML to tokens with exact places in the source (the WHATWG tokenizer of turbohtml)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

_NEW_LINE = re.compile(r"\r\n?|\n")


@dataclass(slots=True)
class Token:
    """A token and its place. `value` is the text that a text or reference stands for, or a tag's name."""

    kind: Literal["text", "reference", "start", "end", "other"]
    start: int
    end: int
    value: str
    attributes: dict[str, str] = field(default_factory=dict)
    closed: bool = False  # <svg/>


def html_tokens(source: str) -> Iterator[Token]:
    """Yield the tokens of `source`; each reaches to where the next one starts. Linear in its length."""
    from turbohtml import TokenType, tokenize

    lines = [0, *(match.end() for match in _NEW_LINE.finditer(source))]
    held: Token | None = None
    for token in tokenize(source, resolve_references=False, capture_source=True):
        start = lines[token.line - 1] + token.col
        if held is not None:
            held.end = start
            yield held
        if token.type == TokenType.TEXT:
            held = Token("text", start, start, token.data or "")
        elif token.type == TokenType.CHARACTER_REFERENCE:
            held = Token("reference", start, start, token.data or "")
        elif token.type == TokenType.START_TAG:
            attributes = {key: value or "" for key, value in token.attrs or ()}
            held = Token("start", start, start, (token.tag or "").lower(), attributes, token.self_closing)
        elif token.type == TokenType.END_TAG:
            held = Token("end", start, start, (token.tag or "").lower())
        else:
            held = Token("other", start, start, "")
    if held is not None:
        held.end = _last_end(source, held)
        yield held


def _last_end(source: str, last: Token) -> int:
    """Return where the last token ends: a tag that is cut off after it is no token."""
    if last.kind != "text":
        return source.find(";", last.start) + 1 or len(source) if last.kind == "reference" else len(source)
    end = last.start
    for _ in last.value:
        end += 2 if source.startswith("\r\n", end) else 1
    return min(end, len(source))

"""Naming a span of a source text by its first and last words, and finding it again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from eval.extents import Interval

_LONGEST = 2000


class QuoteError(ValueError):
    """A quote is not in the source, or not only once."""


class Quote(BaseModel):
    """The words that name a span (see `eval.questions`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: str = Field(alias="from", min_length=1, pattern=r"\S")
    end: str | None = Field(None, alias="to", min_length=1, pattern=r"\S")
    prefix: str = ""
    suffix: str = ""
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A document that questions are about: its file's name, its hash and its source text."""

    name: str
    sha256: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a document as the service would. Raises `ingest.readers.ReadError`."""
        from ingest.readers import read_document

        document = read_document(path.read_bytes(), path.name)
        return cls(path.name, document.sha256, document.source)


def locate(quote: Quote, sources: Sequence[Source]) -> Interval:
    """Return the one span that `quote` names. Raises `QuoteError` where it names none or several."""
    chosen = [source for source in sources if quote.document in (None, source.name)]
    if not chosen:
        names = ", ".join(repr(source.name) for source in sources)
        raise QuoteError(f"no document is named {quote.document!r}; there is {names}")
    pattern = _pattern(quote)
    found = [(source, match) for source in chosen for match in pattern.finditer(source.text)]
    if not found:
        raise QuoteError(_missing(quote, chosen))
    if len(found) > 1:
        lines = ", ".join(f"{source.name}:{_line(source, match)}" for source, match in found[:3])
        raise QuoteError(
            f"{quote.start!r} is in the source {len(found)} times ({lines}): "
            "take more words, or add a prefix or suffix"
        )
    source, match = found[0]
    return source.sha256, match.start("span"), match.end("span")


def _pattern(quote: Quote) -> re.Pattern[str]:
    """Return an expression that matches where the span may start: one match for each occurrence of `from`."""
    span = _words(quote.start)
    if quote.end is not None:
        span += rf".{{0,{_LONGEST}}}?{_words(quote.end)}"
    before = rf"{_words(quote.prefix)}\s*" if quote.prefix else ""
    after = rf"\s*{_words(quote.suffix)}" if quote.suffix else ""
    return re.compile(rf"{before}(?=(?P<span>{span}){after})", re.DOTALL)


def _words(text: str) -> str:
    """Return an expression for `text` as whole words, with any white space between them."""
    expression = r"\s+".join(re.escape(word) for word in text.split())
    before = r"(?<!\w)" if text.strip()[0].isalnum() else ""
    after = r"(?!\w)" if text.strip()[-1].isalnum() else ""
    return before + expression + after


def _missing(quote: Quote, sources: Sequence[Source]) -> str:
    names = ", ".join(source.name for source in sources)
    for words, part in ((quote.start, "from"), (quote.end or quote.start, "to")):
        if not any(re.search(_words(words), source.text) for source in sources):
            return f"{part} {words!r} is not in {names}"
    around = " with its prefix and suffix" if quote.prefix or quote.suffix else ""
    return f"{quote.start!r} ... {quote.end or ''!r}{around} is not in {names} within {_LONGEST} characters"


def _line(source: Source, match: re.Match[str]) -> int:
    return source.text.count("\n", 0, match.start("span")) + 1

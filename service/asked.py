"""What a question asks for and names, and whether texts hold it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from index.lexical import terms

Kind = Literal["number", "date", "name"]

_ASKS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|often|long|far|old|large|high)\b|\bpercentage\b|\bcu[aá]nt|\bcombien\b"
        ),
    ),
    (
        "date",
        re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|month)\b|\bcu[aá]ndo\b|\bqu[eé] año\b|\bquand\b"),
    ),
    ("name", re.compile(r"\bwho(?:m|se)?\b|\bwhere\b|\bqui[eé]n|\bd[oó]nde\b|\bqui\b")),
)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_HOLDS: dict[Kind, re.Pattern[str]] = {
    "number": re.compile(
        r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million|billion|half|third"
        r"|every|once|twice|percent)\b",
        re.IGNORECASE,
    ),
    "date": re.compile(
        rf"\b(?:1\d{{3}}|20\d\d)s?\b|\b(?:{_MONTHS}|century|years?|decades?)\b", re.IGNORECASE
    ),
    "name": re.compile(r"(?<=[a-z,;:] )[A-Z][\w-]+"),
}


def asked_kind(question: str) -> Kind | None:
    """Return the kind of answer that `question` asks for, None where its words do not tell."""
    text = question.lower()
    return next((kind for kind, words in _ASKS if words.search(text)), None)


def holds(text: str, kind: Kind) -> bool:
    """Say whether `text` holds something of this kind."""
    return _HOLDS[kind].search(text) is not None


_PART = re.compile(
    r",? (?:and|y|et) (?=(?:(?:in|on|at|by|to|from|since) )?(?:what|when|where|who|whom|which|how)\b)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:1\d{3}|20\d\d)s?\b")
_NAMED = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w'-]+(?: (?:of |the )?[A-Z][\w'-]+)*|\b\d[\d,.]*\d\b")


def parts_missing(question: str, cited: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a question in several parts that `cited` cannot answer, in the question's words.

    Parts are its questions joined by "and", each missing where a number, date or name is asked for and none is
    cited, and its years where it names several. A question of one part misses nothing.
    """
    text = " ".join(cited)
    parts = [part.strip(" ?.") for part in _PART.split(question)]
    kinds = [(part, asked_kind(part)) for part in parts] if len(parts) > 1 else []
    missing = [part for part, kind in kinds if kind is not None and not holds(text, kind)]
    years = list(dict.fromkeys(_YEAR.findall(question)))
    absent = [year for year in years if year not in text]
    return (*missing, *(absent if 0 < len(absent) < len(years) else ()))


def not_named(question: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the names and numbers of the question that no one of `texts` mentions."""
    held = set(terms(" ".join(texts)))
    named = dict.fromkeys(match.group() for match in _NAMED.finditer(question))
    return tuple(name for name in named if not set(terms(name)) & held)

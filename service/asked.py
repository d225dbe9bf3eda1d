"""What kind of answer a question asks for, and whether a text holds one of that kind."""

from __future__ import annotations

import re
from typing import Literal

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

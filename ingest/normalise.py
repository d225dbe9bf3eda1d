"""Text as words are looked up: one spelling for what a reader cannot tell apart."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_QUOTES = str.maketrans("‘’‚‛′‹›“”„‟″«»‐‑‒–—―", "'''''''" + '"""""""' + "------")


def searchable(text: str) -> str:
    """Return `text` for lexical search, of a document or a question alike. It is not for display or offsets.

    Compatibility forms and combining marks are composed (NFKC: e and U+0301 become é, which the index folds to
    e), quotation marks and dashes are the typed ones, and characters that nobody sees are left out.
    """
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).translate(_QUOTES)

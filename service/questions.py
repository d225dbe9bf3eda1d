"""What may be asked, and in which form it is looked up."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 2000

_UNSEEN = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
)
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
SOMETHING = rf"[^\s{_UNSEEN}]"
"""What matches in whatever can be asked, as a regular expression that other languages read, too."""
_SPACE = re.compile(r"\s+")


class QuestionError(ValueError):
    """The question cannot be asked. The message says why and is fit for whoever asked."""


def clean_question(text: str) -> str:
    """Return `text` without invisible characters and superfluous space, in Unicode's composed form.

    Raises `QuestionError` for an empty question, one of over `MAX_CHARACTERS`, and lone surrogates.
    """
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(f"the question has {len(text)} characters; at most {MAX_CHARACTERS} are taken")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise QuestionError("the question holds half of a surrogate pair: send it as valid Unicode")
    cleaned = _SPACE.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip()
    if not cleaned:
        raise QuestionError("the question is empty: ask something")
    return cleaned

"""What HTML elements are there for: text, or what a page repeats around it; notes; what no one sees."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingest.htmltokens import Token

_SECTIONS = frozenset("article main section blockquote aside nav td".split())
_BOILERPLATE_ROLES = frozenset(
    "navigation banner contentinfo complementary search dialog alertdialog menu menubar".split()
)
_BOILERPLATE_CLASSES = frozenset(
    "advert advertisement breadcrumb breadcrumbs navbar navigation pagination sidebar skip-link skiplink"
    " social-share share-buttons".split()
)
_CONSENT = re.compile(
    r"(?:cookie|gdpr|consent)[-_]?(?:banner|bar|notice|popup|modal|overlay|wall|message|law)"
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])", re.IGNORECASE
)
_NOTE_ID = re.compile(
    r"(?:user-content-)?_?(?:fn|ftn|edn|footnote|endnote|cite_note|note|sdfootnote|sdendnote)\D{0,40}?(\d{1,4})"
    r"(?:sym)?|(?:cite_note|fn|footnote|note)[-_:].{1,60}[-_](\d{1,4})"
)
_NOTE_ROLES = frozenset(["doc-footnote", "doc-endnote"])


def boilerplate(token: Token, around: Iterable[str]) -> str:
    """Say whether an element holds what a page repeats: "sure", "likely" or ""; `around` are the open tags."""
    tag, attributes = token.value, token.attributes
    if tag in ("html", "body", "main", "article", "head"):
        return ""
    if is_hidden(token):
        return "sure"
    role = attributes.get("role", "").lower()
    if tag in ("nav", "search", "dialog") or (tag == "aside" and role not in _NOTE_ROLES):
        return "sure"
    if tag in ("header", "footer"):
        return "" if any(name in _SECTIONS for name in around) else "likely"
    words = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower().split()
    named = any(word in _BOILERPLATE_CLASSES or _CONSENT.match(word) for word in words)
    return "likely" if tag == "form" or role in _BOILERPLATE_ROLES or named else ""


def is_hidden(token: Token) -> bool:
    """Say whether an element does not show."""
    return "hidden" in token.attributes or bool(_HIDDEN.search(token.attributes.get("style", "")))


def note_id(token: Token) -> str:
    """Return the id of an element that may be a note, or ""."""
    identity = token.attributes.get("id", "")
    if identity and (
        _NOTE_ID.fullmatch(identity)
        or token.attributes.get("role") in _NOTE_ROLES
        or token.attributes.get("epub:type") in ("footnote", "endnote")
    ):
        return identity
    return ""


def note_label(identity: str) -> str:
    """Return the label in the id of a note: its number, or the id itself."""
    found = _NOTE_ID.fullmatch(identity)
    return str(found[1] or found[2]) if found else identity

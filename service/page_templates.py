"""The templates of the page, its script and style sheet, and the headers that keep what it shows harmless."""

from __future__ import annotations

import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service import messages
from service.answer_view import (
    VERSION,
    answer_url,
    inner_path,
    marked_url,
    picture_url,
    quotation,
    said,
    segments,
)
from service.questions import MAX_CHARACTERS

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# Bidirectional overrides let a text show other words than it holds, in an order of its own.
_VISIBLE = {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def assets(folder: Path) -> dict[str, bytes]:
    """Return the files that the templates refer to, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _TYPES}


def asset_type(name: str) -> str:
    """Return the media type of an asset."""
    return _TYPES[Path(name).suffix]


def environment(templates: Path, files: dict[str, bytes]) -> Environment:
    """Return the templates, which escape all they are given and show what would reorder text."""

    def asset(name: str) -> str:
        return f"/static/{name}?v={hashlib.sha256(files[name]).hexdigest()[:VERSION]}"

    made = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value.translate(_VISIBLE) if isinstance(value, str) else value,
    )
    made.globals.update(
        asset=asset,
        messages=messages,
        url=marked_url,
        picture=picture_url,
        permanent=answer_url,
        longest=MAX_CHARACTERS,
    )
    made.globals.update(segments=segments, said=said, quotation=quotation, inner_path=inner_path)
    # What a template shows only where a page brings it.
    made.globals.update(answer=None, opened=None, error=None, question="", scope=(), chosen=(), alone=False)
    made.globals.update(
        recalled=None, kept=False, said_before="", searched=0, document_id="", signed_in=False
    )
    return made

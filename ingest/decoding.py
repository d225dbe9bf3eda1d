"""Bytes to text, by rules that would rather refuse than guess wrong."""

from __future__ import annotations

import codecs
import re

from ingest.errors import UndecodableError, UnsupportedError

_MARKS = (  # the longer marks first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 1 << 16
_SURE = 0.35  # below this turbohtml's detector answers with its fallback
_ENOUGH = 8  # bytes above 127 that it takes to tell a script other than Latin, or half as many for Latin
_LATIN = ("windows-1252", "windows-1250", "windows-1254", "windows-1257", "iso-8859-2")
_HIGH = re.compile(rb"[\x80-\xff]")
_WELL_FORMED = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Quotes, dashes, currency, degree and the like: the same in all Western code pages.
_TYPOGRAPHIC = re.compile(rb"[\x80\x85\x91-\x97\x99\xa0\xa3\xa7\xa9\xab\xae\xb0\xb1\xb4\xb5\xb7\xbb-\xbe]")
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-zA-Z0-9_:.-]{2,40})""", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


def decode(data: bytes, name: str) -> tuple[str, str]:
    """Return the text of `data`, byte order mark included, and the name of its encoding.

    The text in that encoding is `data` again. Unicode is told by its marks and its form, other encodings
    by a `<meta charset>` or by their letters. Raises `UndecodableError` where that leaves a doubt and
    `UnsupportedError` for what is not text at all.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data, encoding, name), encoding
    if b"\0" in data:
        encoding = _wide(data, name)
        return _strict(data, encoding, name), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        encoding = _declared(data) or _detected(data, name, error)
        text = _strict(data, encoding, name)
        if _CONTROLS.search(text) or text.encode(encoding) != data:
            raise _undecodable(data, name, error.start) from error
        return text, encoding


def _strict(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UndecodableError(
            f"{name!r} is not {encoding.upper()} text: byte {error.start} is {data[error.start]:#04x}. "
            "Save it as UTF-8 and add it again"
        ) from error


def _wide(data: bytes, name: str) -> str:
    """Tell UTF-16 without a mark by where its zero bytes stand; anything else with zero bytes is no text."""
    sample = data[:_SAMPLE]
    half = len(sample) // 2
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(data) % 2 == 0 and odd > 0.4 * half and even == 0:
        return "utf-16-le"
    if len(data) % 2 == 0 and even > 0.4 * half and odd == 0:
        return "utf-16-be"
    raise UnsupportedError(
        f"{name!r} is not a text, HTML, PDF or DOCX file: byte {data.index(0)} is zero, as in programs and images"
    )


def _declared(data: bytes) -> str | None:
    found = _DECLARED.search(data[:1024])
    if found is None:
        return None
    label = found[1].decode("ascii").lower()
    try:
        encoding = codecs.lookup(label).name
    except LookupError:
        return None
    # As every browser does: what calls itself Latin-1 is read as its superset.
    return "windows-1252" if encoding in ("iso8859-1", "ascii") else encoding


def _detected(data: bytes, name: str, error: UnicodeDecodeError) -> str:
    high = len(_HIGH.findall(data))
    if 2 * sum(map(len, _WELL_FORMED.findall(data))) >= high:  # UTF-8 with a few bytes damaged
        raise _undecodable(data, name, error.start)
    if len(_TYPOGRAPHIC.findall(data)) == high:
        return "windows-1252"
    from turbohtml.detect import detect

    at = max(error.start - 1024, 0)
    match = detect(data[at : at + _SAMPLE])
    encoding = (match.encoding or "").lower()
    enough = 1 if encoding == "windows-1252" else _ENOUGH // 2 if encoding in _LATIN else _ENOUGH
    if match.confidence < _SURE or not encoding or high < enough:
        raise _undecodable(data, name, error.start)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise _undecodable(data, name, error.start) from error
    return encoding


def _undecodable(data: bytes, name: str, at: int) -> UndecodableError:
    return UndecodableError(
        f"{name!r} is not UTF-8 text (byte {at} is {data[at]:#04x}) and its encoding cannot be told with "
        "certainty. Save it as UTF-8 and add it again"
    )

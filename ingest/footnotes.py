"""Footnotes: which blocks are notes, which numbers call them, and which addresses they name.

A reader hands over marks as pieces with a `note` and, where it knows them, notes as blocks of kind `note`
(see `ingest.types`). What is left to find here: paragraphs that are notes because they begin with a mark,
notes that came apart, marks typed as superscript characters or in brackets, and superscripts that are no marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ingest.draft import RUNNING, Draft
from ingest.pieces import cut, trimmed
from ingest.types import Block, Piece, Span
from ingest.words import ending

_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"“”]+")
_ONLY_URL = re.compile(r"<?(?:https?://|www\.)\S+(?: \S{1,40}){0,8}>?")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴-⁹]{1,3}")
_FROM_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_TO_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_BRACKETED = re.compile(r"\[(\d{1,3}|[*†‡])\]")
_BASE = re.compile(r"(?:\d|\b[a-zA-Z]{1,2})\Z")
_UNIT = re.compile(r"(?:\b|\d)(?:[kcm]?m|ft|in|[nrsxy])\Z")
_NOTE_REACH = 8


def resolve_notes(draft: Draft) -> None:
    """Recognise the notes of `draft`, mend those that came apart, and make marks of what calls them."""
    _read_typed_marks(draft, _SUPERSCRIPT, shown=False)
    _read_typed_marks(draft, _BRACKETED, shown=True)
    for i, block in enumerate(draft.blocks):
        first = block.pieces[0]
        if first.note and (block.kind == "note" or (block.kind in RUNNING and _is_label(first, block))):
            body = block.pieces if first.text else trimmed(block.pieces[1:])
            if draft.source[first.start : first.end] != first.note and block.label != first.note:
                draft.drop_source(Span(first.start, first.end), "the label of the note")
            draft.change(i, replace(block, kind="note", label=block.label or first.note, pieces=body))
    notes = [i for i, block in enumerate(draft.blocks) if block.kind == "note"]
    _attach_addresses(draft, notes)
    _restore_exponents(draft, {draft.blocks[i].label for i in notes})


def addresses(blocks: Iterable[Block]) -> tuple[str, ...]:
    """Return the addresses that `blocks` name, in their text or behind it, each once and in order."""
    found: list[str] = []
    for block in blocks:
        text = block.text
        if _ONLY_URL.fullmatch(text) and " " in text:  # one address with lost underscores
            found.append(_bare(text))
        else:
            found.extend(_bare(match.group()) for match in _URL.finditer(text))
        found.extend(block.urls)
    return tuple(dict.fromkeys(found))


def _bare(url: str) -> str:
    """Return `url` without the punctuation of the sentence around it."""
    url = url.strip("<>").rstrip(".,;:!?'\"’”*")
    while url.endswith(")") and url.count(")") > url.count("("):
        url = url[:-1].rstrip(".,;:")
    return url


def _is_label(first: Piece, block: Block) -> bool:
    """Say whether a paragraph that begins with a mark is the note of that label: it has text of its own."""
    return any(piece.text.strip() for piece in block.pieces if piece is not first)


def _read_typed_marks(draft: Draft, pattern: re.Pattern[str], shown: bool) -> None:
    """Make marks of what matches `pattern`, where some paragraph begins with the same: that is the note."""
    starts = [match for i in draft.running() if (match := pattern.match(draft.texts[i]))]
    labels = {match.group() for match in starts if match.string[match.end() :].strip()}
    if not labels:
        return
    for i in draft.running():
        text = draft.texts[i]
        found = [
            match for match in pattern.finditer(text) if match.group() in labels and match.group() != text
        ]
        pieces: list[Piece] = []
        at = 0
        for match in found:
            label = match.group().strip("[]").translate(_FROM_SUPERSCRIPT)
            text = match.group() if shown else ""
            source = cut(draft.blocks[i].pieces, match.start(), match.end())
            pieces += cut(draft.blocks[i].pieces, at, match.start())
            pieces.append(Piece(text, source[0].start, source[-1].end, note=label))
            at = match.end()
        if found:
            draft.repiece(i, (*pieces, *cut(draft.blocks[i].pieces, at, len(draft.texts[i]))))


def _attach_addresses(draft: Draft, notes: list[int]) -> None:
    """Join a paragraph that is only an address to the note beside it that lacks one and has no end."""
    lacking = {i for i in notes if ending(draft.texts[i]) == "open" and not addresses([draft.blocks[i]])}
    for note in sorted(lacking):
        for i in (note + 1, *range(note - 1, max(note - _NOTE_REACH, 0) - 1, -1)):
            if i >= len(draft.blocks):
                continue
            if draft.blocks[i].kind == "paragraph" and _ONLY_URL.fullmatch(draft.texts[i]):
                draft.change(i, replace(draft.blocks[i], kind="note", label=draft.blocks[note].label))
                draft.join(note, i, "the address of the note stood apart from it")
                break
            if i < note and draft.blocks[i].kind != "note":
                break


def _restore_exponents(draft: Draft, labels: set[str | None]) -> None:
    """Turn superscripts that call no note back into text: powers, and letters that belong to their word."""
    for i, block in enumerate(draft.blocks):
        if not any(piece.note for piece in block.pieces):
            continue
        pieces: list[Piece] = []
        before = ""
        for piece in block.pieces:
            text = piece.text
            if piece.note and not text and _is_exponent(piece, before, labels, draft.source):
                text = piece.note.translate(_TO_SUPERSCRIPT)
                pieces.append(Piece(text, piece.start, piece.end))
                draft.record("replace", Span(piece.start, piece.end), "this superscript calls no note")
            else:
                pieces.append(piece)
            before = (before + text)[-20:]
        draft.repiece(i, pieces)


def _is_exponent(piece: Piece, before: str, labels: set[str | None], source: str) -> bool:
    if source[piece.start : piece.end] != piece.note:  # `[^x]` is a mark whatever it follows
        return False
    if piece.note in labels:
        return piece.note in "23" and _UNIT.search(before) is not None
    return piece.note.isalpha() or (piece.note.isdigit() and _BASE.search(before) is not None)

"""The structure a reader sees: title, authors, date, headings, and labels that run into their paragraph."""

from __future__ import annotations

import re
from dataclasses import replace

from ingest.draft import RUNNING, Draft, source_range
from ingest.pieces import cut, trimmed
from ingest.words import DANGLING, WORD, ending, goes_on, is_prose, last_word

FRONT = 30
"""How many blocks from the beginning may be front matter."""
_LINE = 160
_NEARBY = 50_000
_SWALLOWED = "the heading had swallowed the beginning of a sentence"

_WORD_OF_NAME = r"[^\W\d_a-z][\w'’.-]*"
_PARTICLES = r"(?:(?:de|del|der|la|van|von|al|bin|di|da) )*"
_NAME = rf"(?:(?:Dr|Prof|Amb|Mr|Mrs|Ms|Sir)\.? )?{_WORD_OF_NAME}(?: {_PARTICLES}{_WORD_OF_NAME}){{1,4}}"
_AND = r"(?:,? (?:and|&|und|et|y) |, |; )"
_BYLINE = r"(?:(?:written |edited |prepared )?by|authors?(?:\(s\))?:?|von|par|por)"
_BY = re.compile(rf"(?i:{_BYLINE})\s+{_NAME}(?:{_AND}{_NAME})*\W*")
_NAMES = re.compile(rf"{_NAME}(?:{_AND}{_NAME})+\W*")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    r"(?:(?:first )?(?:published|posted|updated|released|dated?|last \w+)(?: on)?:? *)?"
    rf"(?:{_MONTH} +(?:{_DAY},? +)?\d{{4}}|{_DAY}\.? +{_MONTH},? +\d{{4}}|\d{{4}}-\d\d-\d\d"
    r"|\d{1,2}[./]\d{1,2}[./]\d{4}|(?:spring|summer|autumn|fall|winter),? +\d{4})",
    re.IGNORECASE,
)
_LABEL = re.compile(r"([^\W\d_a-z][^.:;!?()\n]{2,60}):\s+(?=[\"“'‘(]?[^\W\d_a-z])")
_NO_LABEL = re.compile(
    r"(?:re|cc|to|from|subject|date)\Z"
    r"|.*\b(?:is|are|was|were|be|has|have|had|do|does|did|said|says|asks?|asked|he|she|it|we|they|i|you|this"
    r"|these|those|here|there|following|follows|notes?|warning|tip|example|sources?|figure|table|box|chart"
    r"|question|answer)\b",
    re.IGNORECASE,
)


def find_structure(draft: Draft) -> None:
    """Recognise title and front matter, mend headings, and give every block the headings it stands under."""
    title = _title(draft)
    _free_sentences(draft)
    _front_matter(draft, title)
    _set_paths(draft, title)


def _title(draft: Draft) -> int | None:
    """Return the block of the title: of the first headings the one of the highest rank."""
    headings = [i for i, block in enumerate(draft.blocks[:FRONT]) if block.kind in ("title", "heading")]
    if not headings:
        return None
    title = min(headings, key=lambda i: (draft.blocks[i].kind != "title", draft.blocks[i].level))
    if any(draft.blocks[i].kind in RUNNING and not _is_line(draft.texts[i]) for i in range(title)):
        return None
    draft.change(title, replace(draft.blocks[title], kind="title"))
    return title


def _free_sentences(draft: Draft) -> None:
    """Give a sentence that a heading swallowed back to the text: what a label leaves of it, or all of it."""
    for i in range(len(draft.blocks) - 1):
        block, text = draft.blocks[i], draft.texts[i]
        if block.kind != "heading" or draft.blocks[i + 1].kind != "paragraph" or ending(text) != "open":
            continue
        label = _LABEL.match(text)
        if label and len(WORD.findall(text, label.end())) >= 4 and _goes_on_in(draft, i, i + 1):
            colon = label.end(1) + 1
            sentence = trimmed(cut(block.pieces, colon, len(text)))
            draft.change(i, replace(block, pieces=cut(block.pieces, 0, colon), end=sentence[0].start))
            draft.prefix(i + 1, sentence)
            draft.record("join", source_range(sentence), _SWALLOWED)
        elif not label and last_word(text) in DANGLING and goes_on(draft.texts[i + 1]):
            draft.change(i, replace(block, kind="paragraph", level=0))
            draft.record("replace", source_range(block.pieces), _SWALLOWED)


def _goes_on_in(draft: Draft, i: int, j: int) -> bool:
    """Say whether block `j` goes on from block `i`: by its beginning, or since the words stand so nearby."""
    if goes_on(draft.texts[j]):
        return True
    start = draft.blocks[i].start
    seam = [*draft.texts[i].split()[-2:], *draft.texts[j].split()[:1]]
    return " ".join(seam) in draft.source[max(start - _NEARBY, 0) : start + _NEARBY]


def _front_matter(draft: Draft, title: int | None) -> None:
    """Recognise authors and date before the first running text, and authors set as a heading anywhere."""
    seen = False
    for i, block in enumerate(draft.blocks):
        text = draft.texts[i]
        if block.kind == "heading" and len(text) <= _LINE and _BY.fullmatch(text):
            draft.change(i, replace(block, kind="front_matter", level=0, label="authors"))
    for i in range(min(FRONT, len(draft.blocks))):
        block, text = draft.blocks[i], draft.texts[i]
        if block.kind not in ("paragraph", "front_matter"):
            if block.kind in ("title", "heading") and (title is None or i <= title or not seen):
                continue
            return
        if not _is_line(text):
            return
        named = title is not None and i > title and _NAMES.fullmatch(text)
        label = "authors" if _BY.fullmatch(text) or named else "date" if _DATE.fullmatch(text) else None
        if label or seen or (title is not None and i < title and ending(text) == "open"):
            draft.change(i, replace(block, kind="front_matter", label=label))
        seen = seen or label is not None


def _set_paths(draft: Draft, title: int | None) -> None:
    """Give each block its path of headings; leave out a title that is repeated, and begin again under it."""
    name = _plain(draft.texts[title]) if title is not None else None
    above: list[tuple[int, str]] = []
    label = _Label(draft)
    for i, block in enumerate(draft.blocks):
        text = draft.texts[i]
        if block.kind in ("title", "heading"):
            label.text = None
            if i != title and title is not None and _plain(text) == name:
                draft.drop(i, "the title again")
                above = [(draft.blocks[title].level, draft.texts[title])]
            elif above and draft.blocks[i - 1].kind == block.kind and _plain(above[-1][1]) == _plain(text):
                draft.drop(i, "the heading again")
            else:
                above = [heading for heading in above if heading[0] < block.level]
                above.append((block.level, text.rstrip().rstrip(":")))
        elif block.kind == "paragraph":
            label.read(i)
        path = tuple(heading for _, heading in above)
        draft.paths[i] = (*path, label.text) if label.text else path


class _Label:
    """The label that runs into the paragraph it stands over ("Central America: ..."), where there are such."""

    def __init__(self, draft: Draft) -> None:
        self._found = {
            i: match[1]
            for i, block in enumerate(draft.blocks)
            if block.kind == "paragraph" and (match := _run_in(draft.texts[i]))
        }
        self.text: str | None = None

    def read(self, i: int) -> None:
        """Take over the label of paragraph `i`, if it has one. A single one in a document is no structure."""
        if len(self._found) > 1 and i in self._found:
            self.text = self._found[i]


def _run_in(text: str) -> re.Match[str] | None:
    match = _LABEL.match(text, 0, _LINE)
    if not match or len(match[1].split()) > 7 or match[1].isupper() or _NO_LABEL.match(match[1]):
        return None
    return match if len(WORD.findall(text, match.end(), match.end() + 400)) >= 12 else None


def _is_line(text: str) -> bool:
    """Say whether `text` is a line of a title page and no running text."""
    return len(text) <= _LINE and (ending(text) != "closed" or not is_prose(text))


def _plain(text: str) -> str:
    return " ".join(WORD.findall(text.casefold()))

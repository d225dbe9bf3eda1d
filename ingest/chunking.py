"""Reading text to sentences and passages, each an exact range of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from ingest.reading import Reading
from ingest.sentences import split_sentences
from ingest.types import Passage, Section, Sentence, Span

PASSAGE_CHARACTERS = 800
"""Wanted passage length: about 200 word pieces, under the 256 at which all-MiniLM-L6-v2 cuts."""

_SENTENCE_MARK = "\x1e"


@dataclass(frozen=True, slots=True)
class Chunks:
    """The passages of a document and the sentences in them, both in reading order."""

    passages: tuple[Passage, ...]
    sentences: tuple[Sentence, ...]


def chunk(reading: Reading, passage_characters: int = PASSAGE_CHARACTERS) -> Chunks:
    """Cut `reading` into passages of whole sentences, parted at headings and, where possible, paragraphs."""
    passages: list[Passage] = []
    sentences: list[Sentence] = []
    for sections in _topics(reading):
        found = [
            (span, section.kind in ("title", "heading"))
            for section in sections
            for span in split_sentences(reading.text, section.start, section.end)
        ]
        if not found:
            continue
        at = 0
        for passage in _passages(reading.text, [span for span, _ in found], passage_characters):
            ordinal = len(passages)
            passages.append(Passage(ordinal, passage.start, passage.end, sections[0].path, sections[0].page))
            while at < len(found) and found[at][0].end <= passage.end:
                span, heading = found[at]
                sentences.append(Sentence(len(sentences), ordinal, span.start, span.end, heading))
                at += 1
        assert at == len(found), f"sentence {found[at][0]} lies outside the passages"
    _check(passages, sentences)
    return Chunks(tuple(passages), tuple(sentences))


def _topics(reading: Reading) -> Iterator[list[Section]]:
    """Yield the runs of sections that a passage may span: one heading path, one page, text or notes."""
    for _, run in groupby(
        reading.sections, key=lambda section: (section.path, section.page, section.kind == "note")
    ):
        yield list(run)


def _passages(text: str, sentences: list[Span], size: int) -> Iterator[Span]:
    """Yield ranges of about `size` characters that hold whole `sentences`, in order."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    # The splitter sees a mark behind each sentence and may cut at blank lines and marks only. It gives
    # texts, not places: lengths are added up, less the marks, since the parts are laid end to end.
    splitter = RecursiveCharacterTextSplitter(
        separators=["\n\n", _SENTENCE_MARK],
        keep_separator="end",
        chunk_size=size,
        chunk_overlap=0,
        strip_whitespace=False,
    )
    start, end = sentences[0].start, sentences[-1].end
    ends = [sentence.end for sentence in sentences]
    marked = _SENTENCE_MARK.join(
        text[a:b].replace(_SENTENCE_MARK, " ") for a, b in zip([start, *ends], [*ends, end], strict=True)
    )
    at = start
    for part in splitter.split_text(marked):
        plain = part.replace(_SENTENCE_MARK, "")
        following = at + len(plain)
        assert text[at:following].replace(_SENTENCE_MARK, " ") == plain, (
            f"passage {at}:{following} is not the text"
        )
        low, high = at + len(plain) - len(plain.lstrip()), at + len(plain.rstrip())
        if low < high:
            yield Span(low, high)
        at = following
    assert at == end, f"the passages end at {at}, the text at {end}"


def _check(passages: list[Passage], sentences: list[Sentence]) -> None:
    """Assert that passages run forwards without overlap and that each sentence lies in its passage."""
    for earlier, later in pairwise(passages):
        assert earlier.end <= later.start, f"passages overlap: {earlier.end} > {later.start}"
    for sentence in sentences:
        passage = passages[sentence.passage]
        assert passage.start <= sentence.start < sentence.end <= passage.end, (
            f"sentence {sentence.start}:{sentence.end} leaves its passage {passage.start}:{passage.end}"
        )

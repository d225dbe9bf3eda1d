"""From stretches of evidence to citations: which place to quote, and all that a reader needs to check it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from index.backend import Backend, View
from index.evidence import Evidence
from index.search import Ranking
from index.types import StoredDocument
from ingest.types import Span
from service.repeats import Repeats
from service.types import Citation, EvidencePassage, Footnote, Quote

SAME = 0.9
"""Sentences whose vectors are this near say the same."""
_LOOKED_AT = 60


def with_sources(
    snapshot: View, ranking: Ranking, library: Backend, stretches: Iterable[Evidence], limit: int
) -> Iterator[tuple[Evidence, Sequence[Span]]]:
    """Yield at most `limit` of `stretches`, each at its soundest place, with where else in its document it stands.

    What only repeats an earlier one is left out. A note is followed by the sentence that calls it.
    """
    given: set[tuple[str, int, int]] = set()
    repeats = Repeats(snapshot, ranking, library)
    said: list[dict[str, list[Span]]] = []
    for stretch in stretches:
        if any(repeats.covers(each, stretch) for each in said):
            continue
        if len(said) == limit:
            break
        said.append(repeats.of(stretch))
        document = library.document(stretch.document, snapshot.version(stretch.document))
        found = [stretch]
        if document.reading.quality(stretch.start, stretch.end) == "suspect":
            found = [_sound_alternative(snapshot, ranking, library, stretch)]
        elif document.reading.section_at(stretch.start).kind == "note":
            found += _callers(snapshot, document, stretch)
        for each in found:
            if (each.document, each.start, each.end) not in given:
                given.add((each.document, each.start, each.end))
                yield each, (said[-1].get(each.document, []) if each is stretch else [])


def _sound_alternative(snapshot: View, ranking: Ranking, library: Backend, stretch: Evidence) -> Evidence:
    """Return the best ranked undamaged sentence that says what the damaged `stretch` says, else the stretch."""
    damaged = _rows_within(snapshot, ranking, stretch)
    vectors = np.asarray(snapshot.sentence_vectors[damaged], np.float32)
    for row in ranking.sentence_rows[:_LOOKED_AT]:
        if row in damaged or float(np.max(vectors @ snapshot.sentence_vectors[row], initial=0.0)) < SAME:
            continue
        parent, start, end, _ = (int(value) for value in snapshot.sentences[row])
        name = snapshot.documents[int(snapshot.passages[parent, 0])]
        if library.document(name, snapshot.version(name)).reading.quality(start, end) != "suspect":
            return replace(stretch, document=name, start=start, end=end)
    return stretch


def _callers(snapshot: View, document: StoredDocument, stretch: Evidence) -> Iterator[Evidence]:
    """Yield the sentences whose marks call the notes that `stretch` quotes."""
    notes = document.reading.notes
    cited = {i for i, note in enumerate(notes) if note.start < stretch.end and stretch.start < note.end}
    for mark in document.reading.marks:
        if mark.note in cited:
            spans = snapshot.sentence_spans(stretch.document, max(mark.at - 1, 0), max(mark.at, 1))
            for start, end in spans[:1]:
                yield replace(stretch, start=start, end=end)


def _rows_within(snapshot: View, ranking: Ranking, stretch: Evidence) -> list[int]:
    """Return the rows of the ranked sentences that overlap `stretch`, best first."""
    ranges = snapshot.sentences[ranking.sentence_rows, 1:3]
    overlapping = (ranges[:, 0] < stretch.end) & (ranges[:, 1] > stretch.start)
    return [
        row for row in ranking.sentence_rows[overlapping].tolist() if _name(snapshot, row) == stretch.document
    ]


def _name(snapshot: View, sentence_row: int) -> str:
    return snapshot.documents[int(snapshot.passages[snapshot.sentences[sentence_row, 0], 0])]


def quotes(document: StoredDocument, start: int, end: int) -> tuple[Quote, ...]:
    """Return the source spans of reading range `start:end` with their texts."""
    spans = document.reading.source_spans(start, end)
    return tuple(Quote(span.start, span.end, document.source[span.start : span.end]) for span in spans)


def passage_of(place: int, document: StoredDocument, stretch: Evidence) -> EvidencePassage:
    """Return a stretch as evidence; `place` is its rank."""
    section = document.reading.section_at(stretch.start)
    return EvidencePassage(
        f"{stretch.document}:{stretch.start}-{stretch.end}",
        stretch.document,
        place,
        stretch.score,
        document.reading.text[stretch.start : stretch.end],
        quotes(document, stretch.start, stretch.end),
        section.path,
        section.page,
    )


def citation_of(
    number: int, document: StoredDocument, stretch: Evidence, place: Span, repeats: Sequence[Span] = ()
) -> Citation:
    """Return a stretch as a citation; `place` is where the answer quotes it.

    `repeats` are the reading ranges of its document that say the same.
    """
    spans = quotes(document, stretch.start, stretch.end)
    section = document.reading.section_at(stretch.start)
    return Citation(
        number=number,
        document_id=stretch.document,
        document_title=document.record.title,
        document_sha256=document.record.sha256,
        cited_text=document.reading.text[stretch.start : stretch.end],
        spans=spans,
        answer_start=place.start,
        answer_end=place.end,
        section_path=section.path,
        page=section.page,
        line=document.source.count("\n", 0, spans[0].start) + 1,
        source_quality=document.reading.quality(stretch.start, stretch.end),
        also_at=(
            *document.reading.repeats_of(stretch.start, stretch.end),
            *(span for each in repeats for span in document.reading.source_spans(each.start, each.end)),
        ),
        footnotes=_footnotes(document, stretch),
        score=stretch.score,
        dense=stretch.dense,
        lexical=stretch.lexical,
    )


def _footnotes(document: StoredDocument, stretch: Evidence) -> tuple[Footnote, ...]:
    """Return the notes that the cited text carries marks of."""
    notes = document.reading.notes_for(stretch.start, stretch.end)
    return tuple(
        Footnote(note.label, document.reading.text[note.start : note.end], note.urls) for note in notes
    )

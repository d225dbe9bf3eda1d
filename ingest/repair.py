"""From the blocks of a document to its reading text: damage is mended, and each mend is recorded."""

from __future__ import annotations

from ingest.characters import close_up_joins, mend_characters
from ingest.draft import Draft
from ingest.footnotes import resolve_notes
from ingest.furniture import drop_furniture
from ingest.joins import join_sentences
from ingest.layout import lay_out
from ingest.phrases import Phrases
from ingest.pullquotes import find_quotes
from ingest.reading import Reading
from ingest.scrambles import untangle
from ingest.structure import find_structure
from ingest.suspects import mark_suspects
from ingest.types import Document


def repair(document: Document) -> Reading:
    """Return the reading text of `document`, as a careful person would read it.

    It holds only characters of the source, and spaces. What is left out is recorded as dropped, and what
    could not be mended with certainty is marked as suspect. Time and memory grow linearly with the document.
    """
    draft = Draft(document)
    mend_characters(draft)
    draft.sweep()
    find_structure(draft)
    resolve_notes(draft)
    drop_furniture(draft)
    phrases = Phrases(draft.texts)
    quotes = find_quotes(draft, phrases)
    join_sentences(draft, phrases)
    untangle(draft, phrases, quotes)
    close_up_joins(draft)
    mark_suspects(draft)
    return lay_out(draft)

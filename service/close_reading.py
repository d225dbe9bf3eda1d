"""The best passages as the reader sees them, sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from index.backend import Backend, View
from index.reader import Verdict
from index.search import Ranking
from index.texts import sentence_text
from index.types import Rows, Scores

_SMALL = 1e-3
_NOTHING = float(np.log(_SMALL / (1 + _SMALL)))


class PassageReader(Protocol):
    """Reads passages for a question; `index.reader.Reader` is the trained one."""

    def read(self, question: str, passages: Sequence[Sequence[str]]) -> list[Verdict]:
        """Return one verdict a passage, which comes as its sentences."""
        ...


@dataclass(frozen=True, eq=False)
class CloseReading:
    """What was read: one entry a sentence, headings left out, in the order of the document.

    `places` in the ranking's sentences, `texts`, `evidence` (the log odds that the sentence answers), and which
    of the passages read it stands in (`passages`, 0 for the best). `answerable`: the log odds of each passage.
    """

    places: Rows
    texts: tuple[str, ...]
    evidence: Scores
    passages: Rows
    answerable: Scores

    def best_evidence(self, passages: int) -> float:
        """Return the log odds of the best sentence of the first `passages`, very low where nothing was read."""
        return float(np.max(self.evidence[self.passages < passages], initial=_NOTHING))

    def best_passage(self, passages: int) -> float:
        """Return the log odds of the best of the first `passages`, very low where nothing was read."""
        return float(np.max(self.answerable[:passages], initial=_NOTHING))


def read_closely(
    reader: PassageReader, question: str, library: Backend, snapshot: View, ranking: Ranking, passages: int
) -> CloseReading:
    """Read the best `passages` of the ranking."""
    best = [int(row) for row in ranking.passage_rows[:passages]]
    ranges = [snapshot.sentence_rows(row) for row in best]
    texts = [passage_sentences(library, snapshot, row) for row in best]
    verdicts = reader.read(question, texts)
    place_of = {int(row): place for place, row in enumerate(ranking.sentence_rows)}
    read = sorted(
        (row, place_of[row], texts[at][i], verdicts[at].sentences[i], at)
        for at, rows in enumerate(ranges)
        for i, row in enumerate(rows)
        if row in place_of and not snapshot.sentences[row, 3]
    )
    return CloseReading(
        np.array([place for _, place, *_ in read], np.int64),
        tuple(text for _, _, text, *_ in read),
        _log_odds([score for *_, score, _ in read]),
        np.array([at for *_, at in read], np.int64),
        _log_odds([verdict.answerable for verdict in verdicts]),
    )


def passage_sentences(library: Backend, snapshot: View, passage_row: int) -> list[str]:
    """Return the texts of the sentences of a passage. Raises `ChangedError` where its document changed."""
    document_id = snapshot.documents[int(snapshot.passages[passage_row, 0])]
    document = library.document(document_id, snapshot.version(document_id))
    rows = snapshot.sentence_rows(passage_row)
    places = snapshot.sentences[rows.start : rows.stop, 1:3]
    return [sentence_text(document.reading, int(start), int(end)) for start, end in places]


def _log_odds(probabilities: Sequence[float]) -> Scores:
    p = np.array(probabilities, np.float32)
    return np.asarray(np.log((p + _SMALL) / (1 - p + _SMALL)), np.float32)

"""Every failed question is lost at exactly one stage, told by what each stage held."""

from __future__ import annotations

import pytest
from fake_service import body, source
from tiny import TinyEmbedder

from eval.answerers import InProcess
from eval.extents import Extent
from eval.questions import Fact, Question
from eval.run import Reply
from eval.scoring import Score, score
from eval.waterfall import STAGES, Held, IndexStages, Stage, lost_at, waterfall
from index.library import Library
from service.answering import Answerer
from service.refusal import Refusal

GUIDE = source("The office opens at nine. The door is green.")
OPENS, DOOR = "The office opens at nine.", "The door is green."
NINE, GREEN = Extent(((GUIDE.sha256, 0, 25),)), Extent(((GUIDE.sha256, 26, 44),))
WHOLE = Extent(((GUIDE.sha256, 0, 44),))
ASKED = Question("a-1", "fact", "tune", "When?", (Fact("nine", (NINE,)),), Extent())
BOTH = Question("a-2", "multi", "tune", "When?", (Fact("nine", (NINE,)), Fact("green", (GREEN,))), Extent())
NOTHING = Question("a-3", "near_miss", "tune", "Who?", (), Extent())


class Seen:
    """Stages that hold what they were told."""

    def __init__(self, reading: Extent, passages: list[Extent], candidates: list[Extent]) -> None:
        self._held = Held(reading, passages, candidates)

    def held(self, question: str) -> Held:
        return self._held


ALL = Seen(WHOLE, [NINE, GREEN], [NINE, GREEN])


def scored(question: Question, **shown: list[str]) -> Score:
    return score(question, Reply(body(GUIDE, **shown), None, 1.0), [GUIDE])


@pytest.mark.parametrize(
    ("measured", "stages", "stage"),
    [
        (scored(ASKED, cited=[OPENS]), ALL, None),
        (scored(ASKED, cited=[DOOR]), Seen(GREEN, [GREEN], [GREEN]), "repair"),
        (scored(ASKED, cited=[DOOR]), Seen(WHOLE, [Extent(((GUIDE.sha256, 0, 10),)), GREEN], []), "chunking"),
        (scored(ASKED, cited=[DOOR]), Seen(WHOLE, [NINE, GREEN], [GREEN]), "retrieval"),
        (scored(ASKED, cited=[DOOR]), ALL, "ranking"),
        (scored(ASKED, cited=[DOOR], passages=[DOOR, OPENS]), ALL, "span choice"),
        (scored(ASKED, passages=[OPENS]), ALL, "refusal"),
        (scored(ASKED, passages=[DOOR]), ALL, "ranking"),
        (scored(NOTHING, cited=[DOOR]), ALL, "refusal"),
        (scored(NOTHING, passages=[DOOR]), ALL, None),
        (scored(BOTH, cited=[OPENS], passages=[OPENS, DOOR]), ALL, "span choice"),
        (scored(BOTH, passages=[DOOR]), Seen(WHOLE, [NINE, GREEN], [GREEN]), "retrieval"),
        (score(ASKED, Reply(None, "HTTP 500", 1.0), [GUIDE]), ALL, "service"),
        (scored(ASKED, cited=[DOOR]), None, "retrieval"),
    ],
)
def test_the_first_stage_that_no_longer_held_it(
    measured: Score, stages: Seen | None, stage: Stage | None
) -> None:
    assert lost_at(measured, stages) == stage


def test_the_waterfall_counts_every_failed_question_once() -> None:
    counts = waterfall(["ranking", None, "refusal", "ranking"])
    assert tuple(counts) == STAGES
    assert {stage: count for stage, count in counts.items() if count} == {"ranking": 2, "refusal": 1}


def test_an_index_shows_what_its_stages_hold(library: Library) -> None:
    text = "# Guide\n\nThe office opens at nine.\n\n## Door\n\nThe door is green."
    library.add(text.encode(), "guide.md")
    stages = IndexStages(library)
    held = stages.held("When does the office open?")
    digest = library.documents()[0].sha256
    nine, green = (
        Extent(((digest, text.index(quote), text.index(quote) + len(quote)),)) for quote in (OPENS, DOOR)
    )
    assert nine.share_in(held.reading) == green.share_in(held.reading) == 1
    assert any(nine.share_in(passage) == 1 for passage in held.passages)
    assert set(held.candidates) == set(held.passages), "with so few passages, all are candidates"
    answerer = Answerer(library, refusal=Refusal(0.0, {}, threshold=0.0))
    assert InProcess(answerer).fingerprint() == stages.fingerprint
    assert isinstance(library.embedder, TinyEmbedder)

"""The damaged places of a real paper, each with the words that a careful person would read there."""

from __future__ import annotations

import pytest

from ingest.readers import read_document
from ingest.reading import Reading
from ingest.repair import repair
from ingest.types import Document

JOINED = [  # (line before, line after, what is read across the interruption)
    (38, 42, "Asymmetries of power exist"),
    (44, 46, "World War II, and they took first steps"),
    (46, 50, "over the past twenty-three years"),
    (54, 56, "aspects of this cooperation, though"),
    (56, 60, "North America could become a serious energy power"),
    (62, 64, "on what issues to better coordinate."),
    (88, 96, "aimed at deepening U.S. support for Mexico"),
    (106, 118, "surging migrant flows from the Northern Triangle"),
    (118, 122, "public security and economic problems."),
    (148, 152, "give a big boost to those governments. Those governments have"),
    (154, 158, "Supporting Secretary General Almagro"),
    (158, 160, "the United States, and Canada, to provide support"),
    (160, 168, "efforts to bring opportunity and growth"),
    (168, 164, "And the challenges and opportunities in Cuba"),
    (170, 172, "As noted above, Mexico and the United States have in this century"),
    (172, 176, "its nascent peacekeeping capacities. Perhaps"),
    (178, 182, "the challenge of managing increased migration"),
    (184, 186, "where Mexico, Canada, and the United States are working"),
    (186, 190, "agreed to convene the North American Dialogue"),
    (192, 194, "the first North American Dialogue on Drug Policy."),
    (194, 198, "This discussion resulted in the identification"),
    (206, 208, "and of our regional interests."),
    (230, 232, "The relationship between both neighbors"),
    (232, 236, "if they build, solidify, and improve cooperation"),
]
REPAIRED = [  # columns that had bled into each other: what is read now
    "getting along because Americans did not know how to listen and Mexicans did not know how to speak up. In",
    "is a natural area for closer and practical",
    "its institutions and practices supporting democracy and human rights",
    "how each country is responding to them.",
    "in shared production and trading networks across North America",
]
SUSPECT = [  # what nobody can know: marked, not quoted as if it were sound
    "U.S.-Mexico agenda the continued to expand",
    "unprecedented number bilateral U.S.-Mexico mechanisms now exist to manage and guide",
    "given Mexico's focus and resources.",
    "limited strategic projection",
    "The meeting focused on the shared illicit drug problem",
    "consumption to and Specifically, participants misuse.",
    "need to develop shared protocols and standards as well as",
    "the PAC of the American Foreign He served",
    "Service Association.",
    "Coordinating Director for Development",
]
QUOTES = [  # (line of the pull-quote, how the sentence that it repeats begins and ends in the body)
    (40, "certainly several areas where", "therefore should be pursued"),
    (48, "After 9/11, the United States", "and the Western Hemisphere."),
    (58, "North America could become", "other areas of the globe."),
    (102, "An unprecedented number", "collaboration, among others."),
    (120, "The United States and Mexico are collaborating", "and Mexico's SEGOB."),
    (128, "In recent years, Americans", "that we espouse here."),
    (150, "Helping Central America's", "give a big boost to"),
    (156, "Venezuela is likely", "which includes but expands far beyond"),
    (162, "challenges and opportunities in Cuba", "including the North American partners"),
    (174, "have also expressed a willingness", "nascent peacekeeping capacities."),
    (180, "A common deployment for", "on the future agenda."),
    (188, "Mexico, Canada, and the United States are working", "trafficking of persons"),
    (196, "As both the United States and Mexico", "and cooperative approaches"),
    (210, "Given the investment in shared", "which suffer an attack."),
    (234, "From a strategic perspective, each", "terrorism and crime."),
]


@pytest.fixture(scope="module")
def document(paper: bytes) -> Document:
    return read_document(paper, "north-american-footprint.txt")


@pytest.fixture(scope="module")
def reading(document: Document) -> Reading:
    return repair(document)


def the_place(reading: Reading, text: str) -> tuple[int, int]:
    """Return where `text` is read. It is read once."""
    assert reading.text.count(text) == 1, f"{text!r} is read {reading.text.count(text)} times"
    start = reading.text.index(text)
    return start, start + len(text)


def lines_of(document: Document, reading: Reading, start: int, end: int) -> list[int]:
    spans = reading.source_spans(start, end)
    return [document.source.count("\n", 0, span.start) + 1 for span in spans]


@pytest.mark.parametrize(("before", "after", "text"), JOINED)
def test_reads_on_across_an_interruption(
    document: Document, reading: Reading, before: int, after: int, text: str
) -> None:
    start, end = the_place(reading, text)
    assert reading.quality(start, end) in ("joined", "repaired")
    lines = lines_of(document, reading, start, end)
    assert (lines[0], lines[-1]) == (before, after)


@pytest.mark.parametrize("text", REPAIRED)
def test_untangles_columns(reading: Reading, text: str) -> None:
    start, end = the_place(reading, text)
    assert len(reading.source_spans(start, end)) > 1, "read as it stands in the source"


@pytest.mark.parametrize("text", SUSPECT)
def test_marks_what_cannot_be_known(reading: Reading, text: str) -> None:
    assert reading.quality(*the_place(reading, text)) == "suspect"


@pytest.mark.parametrize(("line", "first", "last"), QUOTES)
def test_reads_a_repeated_sentence_once(
    document: Document, reading: Reading, line: int, first: str, last: str
) -> None:
    (start, _), (_, end) = the_place(reading, first), the_place(reading, last)
    also_at = [document.source.count("\n", 0, span.start) + 1 for span in reading.repeats_of(start, end)]
    assert also_at == [line]
    assert line not in lines_of(document, reading, start, end) or line in (128, 196, 210)


def test_reads_paragraphs_in_their_true_order(reading: Reading) -> None:
    order = [
        "in supporting the Colombian",
        "former conflict areas in the country",
        "and democratic practices.",
        "On the trade and economic agenda",
        "As noted above",
    ]
    places = [the_place(reading, text)[0] for text in order]
    assert places == sorted(places)


def test_loses_nothing(document: Document, reading: Reading) -> None:
    assert reading.unaccounted(document) == ()
    for edit in reading.edits:
        assert edit.reason
        assert 0 <= edit.source.start <= edit.source.end <= len(document.source)
        assert 0 <= edit.at <= len(reading.text)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('described them as "distant neighbors."', ["1"]),
        ("struggle against organized crime.", ["5", "6", "7"]),
        ("the so-called Estrada Doctrine", ["3"]),
        ("in the 2016 meeting of North America's leaders,", ["10", "11"]),
        ("address North American drug challenges.", ["12"]),
        ("tries to enter North America.", ["13", "14"]),
        ("trying to build a 21st Century rules-based", []),
    ],
)
def test_finds_the_notes_of_a_sentence(reading: Reading, text: str, labels: list[str]) -> None:
    assert [note.label for note in reading.notes_for(*the_place(reading, text))] == labels


@pytest.mark.parametrize(
    ("label", "text", "url"),
    [
        ("1", "A. Riding, Distant neighbors", None),
        (
            "3",
            "Estrada Doctrine",
            "http://www.oxfordreference.com/view/10.1093/oi/authority.20110803095758788",
        ),
        ("4", "Constitution of Mexico", "https://www.oas.org/juridico/mla/en/mex/en_mex-int-text-const.pdf"),
        ("5", "Initiative Fact Sheet", "https://www.state.gov/j/inl/rls/fs/122397.htm"),
        (
            "13",
            "Beyond the Border",
            "https://www.whitehouse.gov/sites/default/files/us-canada btb action plan3.pdf",
        ),
        ("14", "Smart Border Action Plan", "https://migration.ucdavis.edu/rs/more.php?id=170"),
    ],
)
def test_reads_a_note_whole(reading: Reading, label: str, text: str, url: str | None) -> None:
    (note,) = (note for note in reading.notes if note.label == label)
    assert text in reading.text[note.start : note.end]
    assert note.urls == ((url,) if url else ())


def test_has_every_note_once_and_none_in_the_text(reading: Reading) -> None:
    assert [note.label for note in reading.notes] == [str(n) for n in range(1, 15)]
    assert "sup>" not in reading.text
    assert {mark.label: mark.note for mark in reading.marks} == {str(n): n - 1 for n in range(1, 15)}


def test_knows_who_wrote_it_and_when(reading: Reading) -> None:
    front = {
        section.label: section for section in reversed(reading.sections) if section.kind == "front_matter"
    }
    assert "Arturo Sarukhan" in reading.text[front["authors"].start : front["authors"].end]
    assert reading.text[front["date"].start : front["date"].end] == "January 2017"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Every electoral cycle", ()),
        ("Build on the recent North American Dialogue", ("KEY POLICY RECOMMENDATIONS",)),
        ("natural area for closer", ("The Road Ahead", "Central America")),
        ("On the trade and economic agenda", ("The Road Ahead", "The rest of the Americas")),
        ("As noted above", ("International and Multilateral Coordination",)),
        (
            "shared trusted traveler",
            ("International and Multilateral Coordination", "New threats to security"),
        ),
        ("For its part, Mexico", ("The potential for common purpose",)),
    ],
)
def test_files_each_paragraph_under_its_headings(reading: Reading, text: str, path: tuple[str, ...]) -> None:
    title = "Towards a North American Foreign Policy Footprint"
    assert reading.section_at(the_place(reading, text)[0]).path == (title, *path)

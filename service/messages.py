"""Every sentence that people read on the command line, in Slack and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.types import Edit, EditKind, Quality
from service.types import Answer, Citation, EvidencePassage, IndexInfo

NOT_IN_DOCUMENT = "The documents do not say."
KEY_NEEDED = "This service asks for a key."
WRONG_KEY = "That key is not known here. Whoever runs the service makes keys with `pincite keys add NAME`."
NEAREST = "The nearest places:"
NO_DOCUMENTS = "There are no documents yet. Add one with `pincite ingest PATH`."
SAID_AGAIN = "Says the same again as the marked place"
ANSWER_NOT_KEPT = (
    "It was never given here, or long ago: answers are kept for a while. Ask the question again."
)
ANSWER_GONE = "It quotes a document that was removed since. Ask the question again."

SOURCES = "Sources"
SHORTENED = "The answer is shortened here; the sources hold all of it."
HELPFUL = "Helpful"
NOT_HELPFUL = "Not helpful"
SHARE = "Share with the channel"
REASON_TITLE = "What was wrong?"
REASON_LABEL = "What did you look for, and what was wrong with the answer?"
REASON_SEND = "Send"
REASON_SKIP = "Skip"
THANKS = "Thank you. It is noted."
FORGOTTEN = "That answer is too old to be found again. Ask the question again."
HOW_TO_ASK = "Ask a question in plain words, and I look for the answer in the documents."
SEARCH = "Searching the documents"
SEARCHING = "is searching the documents ..."
SUGGESTED = "Ask about the documents, for example:"
WENT_WRONG = "Something went wrong here, and the question has no answer. Ask it again in a moment."

QUALITY: dict[Quality, str] = {
    "intact": "",
    "joined": "joined across an interruption in the source",
    "repaired": "repaired: the source is damaged here",
    "suspect": "doubtful: the source is scrambled here, read it there",
}

_DAMAGE: dict[EditKind, str] = {
    "join": "Interrupted here: the sentence goes on at line {line:,}",
    "move": "Out of place here: {reason}",
    "replace": "Damaged here: {reason}",
    "mark": "Scrambled here: {reason}",
    "drop": "Not read: {reason}",
}


def remark(edit: Edit, line: int) -> str:
    """Return in words what is wrong with the source where it was repaired; `line` is where the damage ends."""
    return _DAMAGE[edit.kind].format(reason=edit.reason, line=line)


def changed(*, quotes_stand: bool) -> str:
    """Return what became of a citation whose document has changed since the answer."""
    if quotes_stand:
        return "The document has changed since; the quoted words still stand at this place."
    return "The document has changed since; the quoted words no longer stand at this place."


def reason_too_long(most: int) -> str:
    """Return how feedback must be sent."""
    return f"Say whether the answer helped and, if you like, why, in up to {most:,} characters."


def confidence(value: float) -> str:
    """Return a probability in words."""
    for floor, words in ((0.9, "very likely right"), (0.7, "likely right"), (0.5, "possibly right")):
        if value >= floor:
            return words
    return "doubtful"


def place(citation: Citation) -> str:
    """Return where a citation stands, as a person would say it."""
    return place_name(citation.document_title, citation.section_path, citation.page, citation.line)


def place_name(title: str, section_path: Sequence[str], page: int | None, line: int) -> str:
    """Return a place in a document, as a person would say it."""
    parts = [title, *section_path[-1:]]
    if len(parts) == 2 and parts[0].casefold() == parts[1].casefold():
        parts.pop()
    parts.append(f"page {page}" if page else f"line {line}")
    return ", ".join(parts)


def standing(answer: Answer) -> str:
    """Return how far an answer can be trusted, and whose words it is in where these are not the documents'."""
    trust = confidence(answer.confidence)
    return (
        trust
        if answer.generated_by is None
        else f"{trust}, written by {answer.generated_by} from the sources"
    )


def missing(answer: Answer) -> str:
    """Return in words what the question names or asks and what was found does not hold, '' where nothing is."""
    if not answer.missing:
        return ""
    named = ", ".join(f"\u201c{each}\u201d" for each in answer.missing)
    if answer.status == "not_in_document":
        return f"No place near the question mentions {named}."
    return f"Not found: {named}."


def answer_with_sources(answer: Answer) -> str:
    """Return an answer as plain text, its numbered sources below it, or that there is none."""
    if answer.answer is None:
        return NOT_IN_DOCUMENT
    sources = "\n".join(source(citation) for citation in answer.citations)
    author = "" if answer.generated_by is None else f"\n\n({standing(answer)})"
    return f"{answer.answer}\n\n{sources}{author}"


def source(citation: Citation) -> str:
    """Return a citation's number and place, and what a reader should know of its source."""
    remark = QUALITY[citation.source_quality]
    return f"[{citation.number}] {place(citation)}{f' ({remark})' if remark else ''}"


def passages(found: Sequence[EvidencePassage]) -> str:
    """Return passages as plain text, one after the other, each under its section."""
    return "\n\n".join(
        f"{passage.rank}. {' / '.join(passage.section_path)} ({passage.document_id})\n{passage.text}"
        for passage in found
    )


def asked_as(question: str) -> str:
    """Return which question was answered, where a short one was asked together with the one before it."""
    return f"Asked as: “{question}”"


def shared_by(name: str, question: str) -> str:
    """Return who shows the answer to a question to others."""
    return f"{name} asked: “{question}”"


def cannot_be_asked(reason: str) -> str:
    """Return why a question was not asked, as a sentence."""
    return f"{reason[:1].upper()}{reason[1:]}."


def listening(name: str, size: str) -> str:
    """Return that the bot is connected to Slack."""
    return f"Pincite answers in Slack as @{name} ({size}). Stop it with Ctrl-C."


def note(label: str, text: str) -> str:
    """Return a footnote of a citation."""
    return f"Note {label}: {text}"


def size(index: IndexInfo) -> str:
    """Return how large an index is."""
    return f"{_count(index.documents, 'document')}, {_count(index.passages, 'passage')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

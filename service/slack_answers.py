"""What the Slack bot says: the answerer's answers and the ledger's memory as messages. No Slack is called here."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress

from index.errors import UnknownDocumentError
from index.types import StoredDocument
from service import messages
from service.answer_view import example_questions, headings
from service.answering import Answerer
from service.ledger import Feedback, Ledger, LedgerError, UnknownAnswerError, now
from service.questions import QuestionError
from service.routing import keep
from service.slack_messages import Message, Messages, Place, said, shared
from service.slack_posts import Post, joined, leans
from service.source_view import line_of
from service.types import Answer, EvidencePassage
from service.verifying import missing_documents
from service.wire_reading import read_answer

NEAREST = 3
PROMPTS = 4
_EVENTS, _POSTS, _SHARED, _THREADS = "slack_event", "slack_post", "slack_shared", "slack_thread"
_EXAMPLE_DOCUMENTS, _EXAMPLE_CHARACTERS = 8, 1_000_000

_log = logging.getLogger("pincite.slack")


class SlackAnswers:
    """Makes the bot's messages. Its methods take a while: they are called on worker threads."""

    def __init__(self, answerer: Answerer, ledger: Ledger, public_url: str | None) -> None:
        self._answerer, self._library, self._ledger = answerer, answerer.library, ledger
        self._messages = Messages(public_url)

    def is_new(self, post: Post, event_id: str) -> bool:
        """Say, once, that a post is to be answered: however often it is reported, in this run or another.

        Where the ledger cannot be written, an answer that comes twice is better than none.
        """
        first = self._ledger.first_time
        try:
            return first(_EVENTS, event_id) and first(_POSTS, post.key)
        except LedgerError as error:
            _log.warning("a post is answered without knowing whether it was before: %s", error)
            return True

    def to_post(self, post: Post) -> Message:
        """Answer a post; one that leans on the question before it in its thread, together with that one."""
        if not post.question:
            return said(messages.HOW_TO_ASK)
        previous = None
        with suppress(LedgerError):
            previous = self._ledger.recall(_THREADS, post.thread_key) if post.follows else None
        if previous and leans(post.question):
            question = joined(previous, post.question)
            return self._answer(question, asked=question)
        with suppress(LedgerError):
            self._ledger.remember(_THREADS, post.thread_key, post.question)
        return self._answer(post.question)

    def to_command(self, question: str) -> Message:
        """Answer a command, with a button that shares the answer."""
        return self._answer(question, sharing=True) if question else said(messages.HOW_TO_ASK)

    def to_share(self, answer_id: str, name: str, place: str) -> Message | None:
        """Return an answer given before for the whole channel, once for each `place` it stood at.

        None where it is not kept any longer, or quotes a document that has been removed.
        """
        try:
            kept = self._ledger.answer(answer_id)
        except UnknownAnswerError:
            return None
        if missing_documents(kept.body, self._library):
            return None
        if not self._ledger.first_time(_SHARED, f"{answer_id}:{place}"):
            return Message("", [])
        answer = read_answer(kept.body)
        return shared(self._messages.answer(answer, self._nearest(answer)), name, kept.question)

    def note(self, answer_id: str, helpful: bool, reason: str) -> bool:
        """Remember what somebody said of an answer, and say whether it is still kept."""
        try:
            self._ledger.add_feedback(Feedback(answer_id, helpful, reason, "slack", now()))
        except UnknownAnswerError:
            return False
        return True

    def suggestions(self, event_id: str) -> tuple[str, ...]:
        """Return questions that the documents' headings ask; none for an event that was seen before."""
        if not self._ledger.first_time(_EVENTS, event_id):
            return ()
        few = [each for each in self._library.documents() if each.characters <= _EXAMPLE_CHARACTERS]
        texts = self._texts(each.id for each in few[:_EXAMPLE_DOCUMENTS])
        return example_questions([headings(each) for each in texts], PROMPTS)

    def _answer(self, question: str, *, asked: str = "", sharing: bool = False) -> Message:
        if not self._answerer.info().documents:
            return said(messages.NO_DOCUMENTS)
        try:
            answer = self._answerer.answer(question)
        except QuestionError as error:
            return said(messages.cannot_be_asked(str(error)))
        keep(self._ledger, answer, question)
        return self._messages.answer(answer, self._nearest(answer), asked=asked, sharing=sharing)

    def _nearest(self, answer: Answer) -> list[Place]:
        """Return the places that come near where there is no answer."""
        if answer.answer is not None:
            return []
        passages = answer.passages[:NEAREST]
        documents = {each.record.id: each for each in self._texts({each.document_id for each in passages})}
        return [
            _place(each, documents[each.document_id]) for each in passages if each.document_id in documents
        ]

    def _texts(self, document_ids: Iterable[str]) -> Iterator[StoredDocument]:
        """Yield the documents with these ids but for those that have been removed meanwhile."""
        for document_id in document_ids:
            with suppress(UnknownDocumentError):
                yield self._library.document(document_id)


def _place(passage: EvidencePassage, document: StoredDocument) -> Place:
    line = line_of(document.source, passage.spans[0].start) if passage.spans else 1
    name = messages.place_name(document.record.title, passage.section_path, passage.page, line)
    return Place(passage.document_id, name, passage.text, passage.spans)

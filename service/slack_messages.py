"""Answers as Slack messages.

Whatever comes from a document stands in `rich_text` elements, which Slack shows as they are: no `*` in them
formats and no `<!channel>` pings. Only the fallback text, which notifications show, has to be escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ContextBlock,
    InputBlock,
    PlainTextInputElement,
    PlainTextObject,
    RichTextBlock,
    RichTextElement,
    RichTextElementParts,
    RichTextListElement,
    RichTextSectionElement,
)
from slack_sdk.models.views import View

from service import messages
from service.answer_view import marked_url, segments
from service.types import Answer, Citation, Quote

MOST_VISIBLE = 13_200
"""Characters of a message that Slack shows, whatever the limits of its blocks."""
MOST_IN_A_PART = 3_000
HELPFUL, NOT_HELPFUL, SHARE, REASON = (
    "pincite_helpful",
    "pincite_not_helpful",
    "pincite_share",
    "pincite_reason",
)
_FALLBACK, _NAME, _NEAREST, _NOTE, _NOTES, _LINK = 500, 150, 240, 240, 3, 2_000
_OWN_WORDS = 300
"""Room for what the message says in its own words: headings, confidence, buttons."""

Part = RichTextElement


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a document that comes near a question without answering it."""

    document_id: str
    name: str
    text: str
    spans: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to Slack: blocks, and the text that stands for them in a notification."""

    text: str
    blocks: Sequence[Block]

    def fields(self) -> dict[str, Any]:
        """Return the arguments of `chat.postMessage`, and as well of a response URL. Links show no previews."""
        blocks = [block.to_dict() for block in self.blocks]
        return {"text": self.text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


@dataclass(frozen=True, slots=True)
class Messages:
    """Makes messages; where `public_url` is the address of the page, sources are links to it."""

    public_url: str | None = None

    def answer(
        self,
        answer: Answer,
        nearest: Sequence[Place] = (),
        *,
        asked: str = "",
        sharing: bool = False,
    ) -> Message:
        """Return an answer with its sources, or a refusal with the `nearest` places.

        `asked` is the question where it should be seen which it was; `sharing` adds the button that shows an
        answer to the whole channel.
        """
        blocks: list[Block] = [_remark(messages.asked_as(asked))] if asked else []
        if answer.answer is None:
            blocks += self._refusal(nearest)
            text = messages.NOT_IN_DOCUMENT
        else:
            blocks += self._answered(answer, MOST_VISIBLE - _OWN_WORDS - len(asked))
            text = answer.answer
        blocks.append(_buttons(answer.answer_id, sharing))
        return Message(_fallback(text), blocks)

    def _answered(self, answer: Answer, room: int) -> list[Block]:
        sources = [_section(self._source(citation)) for citation in answer.citations]
        room -= visible([section.to_dict() for section in sources])
        return [
            RichTextBlock(elements=self._prose(answer, room)),
            RichTextBlock(elements=[_section([_text(messages.SOURCES, bold=True)]), _list(sources)]),
            ContextBlock(elements=[PlainTextObject(text=_sentence(messages.standing(answer)))]),
        ]

    def _prose(self, answer: Answer, room: int) -> list[Part]:
        """Return the answer's text in parts that Slack takes, shortened to `room` characters."""
        by_number = {citation.number: citation for citation in answer.citations}
        whole = _Parts(room)
        for segment in segments(answer):
            if segment.marker:
                whole.add(" ")
                whole.add(f"[{segment.text}]", self._link(by_number[segment.citation]))
            else:
                whole.add(segment.text)
        return whole.sections()

    def _source(self, citation: Citation) -> list[Part]:
        parts = [
            _text(f"[{citation.number}] ", bold=True),
            _linked(_place(citation), self._link(citation)),
        ]
        remark = messages.QUALITY[citation.source_quality]
        if remark:
            parts.append(_text(f" ({remark})", italic=True))
        for note in citation.footnotes[:_NOTES]:
            words = " ".join([note.text, *(url for url in note.urls if url not in note.text)])
            parts.append(_text(f"\n{messages.note(note.label, _shortened(words, _NOTE))}"))
        return parts

    def _refusal(self, nearest: Sequence[Place]) -> list[Block]:
        says = RichTextBlock(elements=[_section([_text(messages.NOT_IN_DOCUMENT, bold=True)])])
        if not nearest:
            return [says]
        places = [
            _section(
                [
                    _linked(place.name, self._marked(place.document_id, place.spans, "")),
                    _text(f": “{_shortened(place.text, _NEAREST)}”"),
                ]
            )
            for place in nearest
        ]
        return [says, RichTextBlock(elements=[_section([_text(messages.NEAREST)]), _list(places)])]

    def _link(self, citation: Citation) -> str:
        return self._marked(citation.document_id, citation.spans, citation.document_sha256)

    def _marked(self, document_id: str, spans: Sequence[Quote], sha256: str) -> str:
        """Return the address of the page with `spans` marked, or nothing where no page is known."""
        if self.public_url is None:
            return ""
        base = self.public_url.rstrip("/")
        whole = base + marked_url(document_id, spans, sha256)
        return whole if len(whole) <= _LINK else base + marked_url(document_id, spans[:1], sha256)


def visible(content: Any) -> int:
    """Return how many characters of blocks, as JSON, are seen."""
    if isinstance(content, dict):
        return sum(
            len(each) if key == "text" and isinstance(each, str) else visible(each)
            for key, each in content.items()
        )
    return sum(visible(each) for each in content) if isinstance(content, list) else 0


def said(text: str) -> Message:
    """Return a message of the bot's own, without an answer."""
    return Message(_fallback(text), [RichTextBlock(elements=[_section([_text(text)])])])


def shared(message: Message, name: str, question: str) -> Message:
    """Return the answer to a `question` as `name` shows it to the channel."""
    return Message(message.text, [_remark(messages.shared_by(name, question)), *message.blocks])


def reason_view(metadata: str) -> View:
    """Return the window that asks what was wrong; `metadata` comes back with what is written into it."""
    field = PlainTextInputElement(action_id=REASON, multiline=True, max_length=1_000, focus_on_load=True)
    return View(
        type="modal",
        callback_id=REASON,
        private_metadata=metadata,
        notify_on_close=True,
        title=PlainTextObject(text=messages.REASON_TITLE),
        submit=PlainTextObject(text=messages.REASON_SEND),
        close=PlainTextObject(text=messages.REASON_SKIP),
        blocks=[InputBlock(block_id=REASON, label=messages.REASON_LABEL, element=field, optional=True)],
    )


@dataclass(slots=True)
class _Parts:
    """Text that grows until its room is used up, then ends in an ellipsis."""

    room: int
    parts: list[Part] = field(default_factory=list)
    ended: bool = False

    def add(self, text: str, url: str = "") -> None:
        if self.ended:
            return
        if len(text) > self.room:
            text, url = text[: max(0, self.room - 1)].rstrip() + "…", ""
            self.ended = True
        self.room -= len(text)
        for start in range(0, len(text), MOST_IN_A_PART):
            self.parts.append(_linked(text[start : start + MOST_IN_A_PART], url))

    def sections(self) -> list[Part]:
        """Return the text; where it was shortened, with a sentence that says so."""
        sections: list[Part] = [_section(self.parts)]
        if self.ended:
            sections.append(_section([_text(f"\n{messages.SHORTENED}", italic=True)]))
        return sections


def _text(text: str, *, bold: bool = False, italic: bool = False) -> Part:
    style = {name: True for name, wanted in (("bold", bold), ("italic", italic)) if wanted}
    return RichTextElementParts.Text(text=text, style=style or None)


def _linked(text: str, url: str) -> Part:
    return RichTextElementParts.Link(url=url, text=text) if url else _text(text)


def _section(parts: Iterable[Part]) -> RichTextSectionElement:
    return RichTextSectionElement(elements=list(parts))


def _list(sections: Sequence[RichTextSectionElement]) -> RichTextListElement:
    return RichTextListElement(style="bullet", elements=list(sections))


def _remark(text: str) -> RichTextBlock:
    return RichTextBlock(elements=[_section([_text(text, italic=True)])])


def _place(citation: Citation) -> str:
    """Return where a citation stands, with title and heading of a length that leaves room for the others."""
    title = _shortened(citation.document_title, _NAME)
    headings = tuple(_shortened(heading, _NAME) for heading in citation.section_path)
    return messages.place(replace(citation, document_title=title, section_path=headings))


def _buttons(answer_id: str, sharing: bool) -> ActionsBlock:
    wanted = [(HELPFUL, messages.HELPFUL), (NOT_HELPFUL, messages.NOT_HELPFUL)]
    if sharing:
        wanted.append((SHARE, messages.SHARE))
    return ActionsBlock(
        elements=[ButtonElement(action_id=name, text=text, value=answer_id) for name, text in wanted]
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fallback(text: str) -> str:
    return escape(_shortened(text, _FALLBACK), quote=False)


def _shortened(text: str, characters: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= characters else flat[: characters - 1].rstrip() + "…"

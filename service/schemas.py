"""The wire as models: what clients may send, and the documentation of what they get.

Field names are a contract. `service.wire` makes the bodies; a test holds the two together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ingest.types import Quality
from service.questions import MAX_CHARACTERS, SOMETHING, clean_question
from service.types import Status

Check = Literal["ok", "changed", "removed"]


def whole(value: object) -> object:
    """Return a float that is a whole number, as 5.0 is in JSON, as an int; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Question = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="The question, in plain words.",
        json_schema_extra={"pattern": SOMETHING},
    ),
    AfterValidator(clean_question),
]
DocumentId = Annotated[str, Field(min_length=1, max_length=64)]
TopK = Annotated[int, Field(ge=1, le=100, strict=True), BeforeValidator(whole)]
MaxCitations = Annotated[int, Field(ge=1, le=20, strict=True), BeforeValidator(whole)]
MAX_BATCH = 100
_QUESTION_OR_PROBLEM: dict[str, Any] = {"anyOf": [{"$ref": "#/components/schemas/BatchQuestion"}, {}]}


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchRequest(Wire):
    """A question for evidence."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How do I add a document?", "top_k": 3}]}
    )

    question: Question
    document_ids: Annotated[list[DocumentId] | None, Field(max_length=1000)] = Field(
        default=None, description="Search these documents only; all when left out."
    )
    top_k: TopK = Field(default=5, description="Most passages to return.")


class BatchQuestion(SearchRequest):
    """A question for an answer, one of several."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"question": "How do I add a document?"}]})

    max_citations: MaxCitations | None = Field(default=None, description="Most citations.")


class AskRequest(BatchQuestion):
    """A question for an answer."""

    stream: bool = Field(
        default=False,
        strict=True,
        description="Send server-sent events (`passages`, `citation` ..., `answer`, `done`) as they come about.",
    )


class BatchRequest(Wire):
    """Several questions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"questions": [{"question": "How do I add a document?"}, {"question": " "}]}]
        }
    )

    questions: list[Annotated[Any, WithJsonSchema(_QUESTION_OR_PROBLEM)]] = Field(
        min_length=1,
        max_length=MAX_BATCH,
        description="Each as for `/v1/ask`, without `stream`. Whatever is no question gets a problem.",
    )


class SpanModel(Wire):
    """A stretch of the source: code points, end exclusive; `text` is exactly what stands there."""

    start_char_index: int
    end_char_index: int
    text: str


class PlaceModel(Wire):
    """A stretch of the source that says the same."""

    start_char_index: int
    end_char_index: int


class FootnoteModel(Wire):
    """A note that the cited text carries a mark of."""

    label: str
    text: str
    urls: list[str]


class ScoresModel(Wire):
    """Cosine and BM25 score of the best sentence."""

    dense: float
    lexical: float


class CitationModel(Wire):
    """A numbered source."""

    number: int
    document_id: str
    document_title: str
    document_sha256: str
    cited_text: str = Field(description="The reading text, as a person should read it.")
    spans: list[SpanModel]
    answer_start: int = Field(description="Where the answer quotes it, in code points of `answer`.")
    answer_end: int
    section_path: list[str]
    page: int | None
    line: int
    source_quality: Quality
    also_at: list[PlaceModel]
    footnotes: list[FootnoteModel]
    score: float
    scores: ScoresModel
    url: str = Field(description="The source, opened at this place.")


class PassageModel(Wire):
    """Evidence the retriever found."""

    passage_id: str
    document_id: str
    rank: int
    score: float
    text: str
    spans: list[SpanModel]
    section_path: list[str]
    page: int | None


class IndexModel(Wire):
    """Which index answered."""

    fingerprint: str
    model: str
    documents: int
    passages: int


class TimingsModel(Wire):
    """Milliseconds by stage."""

    embed: float
    search: float
    answer: float
    total: float


class SearchResponse(Wire):
    """Evidence, best first."""

    passages: list[PassageModel]
    index: IndexModel
    timings_ms: TimingsModel


class AskResponse(SearchResponse):
    """An answer in the documents' own words, or the honest absence of one."""

    answer_id: str
    status: Status
    confidence: float = Field(ge=0, le=1)
    answer: str | None
    generated_by: str | None = Field(
        default=None,
        description="The model that wrote `answer` from its citations; left out where it is in the documents' own words.",
    )
    missing: list[str] = Field(
        default=[],
        description="What the question names or asks, in its words, and what was found does not hold; left out where empty.",
    )
    citations: list[CitationModel]


class KeptAnswerModel(AskResponse):
    """An answer given before."""

    question: str
    at: str = Field(description="When it was last given, in UTC.")


class CitationCheck(Wire):
    """What became of a citation's source since."""

    number: int
    document_id: str
    status: Check = Field(
        description="`changed`: another version of the document, or a quote that is not there."
    )
    detail: str
    spans: list[bool] = Field(description="For each span of the citation, whether its text stands there.")


class Verification(Wire):
    """The citations of an answer, checked against their sources as they are now."""

    answer_id: str
    status: Check = Field(description="The worst of the citations'.")
    checked_at: str
    citations: list[CitationCheck]


class FeedbackRequest(Wire):
    """Whether an answer helped."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"answer_id": "9bedb3074bafd2fe5536624e", "helpful": False, "reason": "The wrong year."}
            ]
        }
    )

    answer_id: str = Field(min_length=1, max_length=64)
    helpful: bool = Field(strict=True)
    reason: str = Field(default="", max_length=2000, description="Why not, in plain words.")


class DocumentModel(Wire):
    """A document in the index."""

    document_id: str
    title: str
    sha256: str
    media_type: str
    added_at: str
    characters: int
    passages: int
    url: str


class DocumentList(Wire):
    """All documents, oldest first."""

    documents: list[DocumentModel]


class DocumentText(Wire):
    """A document's source text, exactly as it came; spans point into it."""

    document_id: str
    sha256: str
    text: str


class NewDocument(Wire):
    """A document sent as JSON."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Notes", "text": "# Notes\n\nThe office opens at nine."}]}
    )

    title: str = Field(min_length=1, max_length=255, description="What people call it: a file name, say.")
    text: str = Field(min_length=1, description="Markdown or plain text.")


class Problem(Wire):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


class JobModel(Wire):
    """A document that is being taken in. `lost`: the service was stopped meanwhile; send the document again."""

    job_id: str
    title: str
    created_at: str
    status: Literal["queued", "running", "done", "failed", "lost"]
    done: int = Field(description="How many of `total` texts are embedded; `total` is 0 until it is known.")
    total: int
    document: DocumentModel | None
    problem: Problem | None


class BatchResult(Wire):
    """What one question got: an answer or a problem."""

    answer: AskResponse | None
    problem: Problem | None


class BatchResponse(Wire):
    """One result a question, in their order."""

    results: list[BatchResult]


class Health(Wire):
    """Whether the service is there."""

    status: Literal["ok", "starting"]

"""From a question to a cited answer: the one function behind every surface. No HTTP here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter, sleep

import orjson

from index.backend import Backend, View
from index.errors import ChangedError
from index.evidence import Evidence, assemble, join
from index.reranking import Reranker, reranked
from index.search import Ranking, SearchParameters, rank
from ingest.types import Span
from service.asked import not_named, parts_missing
from service.choosing import Choice, choose
from service.citing import citation_of, passage_of, with_sources
from service.clock import Clock
from service.close_reading import CloseReading, PassageReader, passage_sentences, read_closely
from service.generation import Generator
from service.questions import clean_question
from service.refusal import Refusal, refusal_features
from service.types import (
    Answer,
    Citation,
    EvidencePassage,
    IndexInfo,
    SearchResult,
    Status,
)


@dataclass(frozen=True, slots=True)
class AnswerParameters:
    """How much is shown and cited."""

    evidence_tau: float = 0.8
    """Evidence takes sentences that score at least this share of the best one."""
    evidence_characters: int = 3000
    citation_tau: float = 0.9
    """Without a reader, citations take sentences that score at least this share of the best one."""
    citation_characters: int = 1500
    max_citations: int = 3
    passages_reranked: int = 20
    """Best passages that the reranker looks at, where there is one."""
    passages_read: int = 2
    """Best passages that the reader reads, and that citations come from."""


CHANGES = 20
"""How often a question is asked again of a newer index because a document changed under it ..."""
CHANGE_SECONDS = 0.05
"""... and how long is waited before."""


class Answerer:
    """Answers questions about the documents of a library. Safe to use from several threads.

    `observe` is called with each answer and its question.
    """

    def __init__(
        self,
        library: Backend,
        *,
        search: SearchParameters = SearchParameters(),
        parameters: AnswerParameters = AnswerParameters(),
        refusal: Refusal | None = None,
        choice: Choice | None = None,
        reader: PassageReader | None = None,
        reranker: Reranker | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.library = library
        self.observe: Callable[[Answer, str], None] | None = None
        self._search = search
        self._parameters = parameters
        self._refusal = refusal or Refusal.fitted()
        self._choice = choice or Choice.fitted()
        self._reader = reader
        self._reranker = reranker
        self._generator = generator

    def answer(
        self,
        question: str,
        *,
        document_ids: Collection[str] | None = None,
        top_k: int = 5,
        max_citations: int | None = None,
    ) -> Answer:
        """Answer `question` in the documents' own words, or say that they do not.

        Raises `QuestionError` for what cannot be asked and `UnknownDocumentError` for an id that is not there.
        """
        *_, answer = self.stages(question, document_ids, top_k, max_citations)
        assert isinstance(answer, Answer)
        return answer

    def stages(
        self,
        question: str,
        document_ids: Collection[str] | None = None,
        top_k: int = 5,
        max_citations: int | None = None,
    ) -> Iterator[SearchResult | Answer]:
        """Yield the evidence as soon as it is found, then the answer. Raises as `answer` does.

        Where a document changes meanwhile, the evidence is found and given again.
        """
        for stage in self._steps(question, document_ids, top_k, max_citations):
            if isinstance(stage, Answer) and self.observe is not None:
                self.observe(stage, question)
            yield stage

    def _steps(
        self, question: str, document_ids: Collection[str] | None, top_k: int, max_citations: int | None
    ) -> Iterator[SearchResult | Answer]:
        """Do what `stages` promises."""
        for last in (False,) * CHANGES + (True,):
            try:
                for stage in self._stages(question, document_ids, top_k, max_citations):
                    yield self._generated(question, stage) if isinstance(stage, Answer) else stage
            except ChangedError:
                if last:
                    raise
                sleep(CHANGE_SECONDS)  # what was committed is being published
            else:
                return

    def _stages(
        self, question: str, document_ids: Collection[str] | None, top_k: int, max_citations: int | None
    ) -> Iterator[SearchResult | Answer]:
        clock = Clock()
        question = clean_question(question)
        snapshot, ranking = self._rank(question, document_ids, clock)
        found = self._evidence(snapshot, ranking, top_k)
        clock.lap("answer")
        yield SearchResult(found, self._info(snapshot), clock.timings())
        read = self._read(snapshot, ranking, question)
        confidence = 0.0
        if len(ranking.sentence_rows):
            confidence = self._refusal.confidence(refusal_features(snapshot, ranking, read))
        status: Status = "answered" if confidence >= self._refusal.threshold else "not_in_document"
        missing = not_named(question, read.texts) if read is not None else ()
        text: str | None = None
        citations: tuple[Citation, ...] = ()
        if status != "not_in_document":
            wanted = self._parameters.max_citations if max_citations is None else max_citations
            chosen = self._chosen(question, snapshot, ranking, read)
            text, citations = self._cite(snapshot, ranking, chosen, wanted)
            missing = parts_missing(question, [citation.cited_text for citation in citations])
            status = "partial" if missing else "answered"
        if not citations:
            status, text = "not_in_document", None
        clock.lap("answer")
        yield Answer(
            _answer_id(question, document_ids, top_k, max_citations, snapshot),
            status,
            confidence,
            text,
            citations,
            found,
            self._info(snapshot),
            clock.timings(),
            missing=missing,
        )

    def search(
        self, question: str, *, document_ids: Collection[str] | None = None, top_k: int = 5
    ) -> SearchResult:
        """Return the evidence for `question` alone. Raises as `answer` does."""
        evidence = next(self.stages(question, document_ids, top_k))
        assert isinstance(evidence, SearchResult)
        return evidence

    def is_settled(self, answer: Answer) -> bool:
        """Return whether the same question would get the same answer: not where a generator gave nothing."""
        return self._generator is None or answer.answer is None or answer.generated_by is not None

    def _generated(self, question: str, answer: Answer) -> Answer:
        """Return `answer` in the words of the generator, where there is one and what it writes is supported."""
        if self._generator is None or not answer.citations:
            return answer
        start = perf_counter()
        written = self._generator.write(question, answer.citations)
        took, timings = (perf_counter() - start) * 1000, answer.timings_ms
        timings = replace(timings, answer=timings.answer + took, total=timings.total + took)
        if written is None:
            return replace(answer, timings_ms=timings)
        identity = hashlib.sha256(f"{answer.answer_id} {self._generator.name} {written.text}".encode())
        return replace(
            answer,
            answer_id=identity.hexdigest()[:24],
            answer=written.text,
            citations=written.citations,
            timings_ms=timings,
            generated_by=self._generator.name,
        )

    def info(self) -> IndexInfo:
        """Return what the index holds now."""
        return self._info(self.library.snapshot())

    def _rank(
        self, question: str, document_ids: Collection[str] | None, clock: Clock
    ) -> tuple[View, Ranking]:
        snapshot = self.library.snapshot()
        for document_id in document_ids or ():
            self.library.record(document_id)
        vector = self.library.embedder.embed_question(question)
        clock.lap("embed")
        ranking = rank(snapshot, question, vector, document_ids, self._search)
        if self._reranker is not None:
            rows = ranking.passage_rows[: self._parameters.passages_reranked].tolist()
            texts = [" ".join(passage_sentences(self.library, snapshot, row)) for row in rows]
            scores = self._reranker.scores(question, texts)
            ranking = reranked(snapshot, ranking, scores, self._search.passage_weight)
        clock.lap("search")
        return snapshot, ranking

    def _read(self, snapshot: View, ranking: Ranking, question: str) -> CloseReading | None:
        if self._reader is None:
            return None
        passages = self._parameters.passages_read
        return read_closely(self._reader, question, self.library, snapshot, ranking, passages)

    def _chosen(
        self, question: str, snapshot: View, ranking: Ranking, read: CloseReading | None
    ) -> list[Evidence]:
        """Return what to cite, best first; without a reader, by the share of the best score that a sentence reaches."""
        parameters = self._parameters
        characters = parameters.citation_characters
        if read is None or not len(read.places):
            tau = parameters.citation_tau
            return assemble(snapshot, ranking, tau=tau, characters=characters)
        return join(snapshot, ranking, choose(self._choice, question, snapshot, ranking, read, characters))

    def _evidence(self, snapshot: View, ranking: Ranking, top_k: int) -> tuple[EvidencePassage, ...]:
        parameters = self._parameters
        stretches = assemble(
            snapshot,
            ranking,
            tau=parameters.evidence_tau,
            characters=parameters.evidence_characters,
            limit=top_k,
        )
        return tuple(
            passage_of(
                place, self.library.document(stretch.document, snapshot.version(stretch.document)), stretch
            )
            for place, stretch in enumerate(stretches, start=1)
        )

    def _cite(
        self, snapshot: View, ranking: Ranking, stretches: Iterable[Evidence], limit: int
    ) -> tuple[str, tuple[Citation, ...]]:
        """Return the answer's text and its citations, numbered in the order of the text."""
        text = ""
        citations = []
        sources = with_sources(snapshot, ranking, self.library, stretches, limit)
        for number, (stretch, repeats) in enumerate(sources, start=1):
            document = self.library.document(stretch.document, snapshot.version(stretch.document))
            quoted = document.reading.text[stretch.start : stretch.end]
            start = len(text) + (1 if text else 0)
            text += f"{' ' if text else ''}{quoted} [{number}]"
            citations.append(
                citation_of(number, document, stretch, Span(start, start + len(quoted)), repeats)
            )
        return text, tuple(citations)

    def _info(self, snapshot: View) -> IndexInfo:
        return IndexInfo(
            snapshot.fingerprint, self.library.embedder.name, snapshot.document_count, snapshot.passage_count
        )


def _answer_id(
    question: str,
    document_ids: Collection[str] | None,
    top_k: int,
    max_citations: int | None,
    snapshot: View,
) -> str:
    """Return a hash of all that the answer depends on: the same question to the same index has one id."""
    documents = None if document_ids is None else sorted(document_ids)
    parts = [question, documents, top_k, max_citations, snapshot.fingerprint]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:24]

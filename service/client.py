"""A client of the HTTP service, in a synchronous and an asynchronous form with the same methods.

    with Client("http://127.0.0.1:8000") as pincite:
        answer = pincite.ask("When does the office open?")

Replies are the models of `service.schemas`; errors are those of `service.client_errors`. A busy service (429, 503)
is asked again after the wait that it names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Any, Self

import anyio
import httpx
from httpx_sse import SSEError, aconnect_sse, connect_sse

from service import client_calls as calls
from service.client_calls import Call, Reply, Streamed, StreamEnd
from service.client_errors import BusyError, UnexpectedReplyError, failure_of, problem_of
from service.schemas import (
    AskResponse,
    BatchResult,
    DocumentModel,
    JobModel,
    KeptAnswerModel,
    SearchResponse,
    Verification,
)

DEFAULT_URL = "http://127.0.0.1:8000"
POLL = 0.2
"""Seconds between two looks at a document that is being taken in."""
LONGEST_WAIT = 10.0
"""Seconds that a busy service is waited for at most, whatever it asks for."""


class Client:
    """Asks a running service. Safe to use from several threads."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`url` is the part before `/v1`, `key` an API key, `timeout` in seconds for each step of an exchange,
        `attempts` how often a busy service is asked at most."""
        self.url = url.rstrip("/")
        self._attempts = attempts
        self._http = httpx.Client(
            base_url=self.url, headers=_headers(key, headers), timeout=timeout, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self,
        question: str,
        *,
        document_ids: Collection[str] | None = None,
        top_k: int | None = None,
        max_citations: int | None = None,
    ) -> AskResponse:
        """Return the answer to `question`, or the refusal (`answer` is None)."""
        return self._send(calls.ask(question, document_ids, top_k, max_citations))

    def stream(
        self,
        question: str,
        *,
        document_ids: Collection[str] | None = None,
        top_k: int | None = None,
        max_citations: int | None = None,
    ) -> Iterator[Streamed]:
        """Yield the passages, then each citation, the answer and the end, as soon as each is there.

        The service stops working when the iteration is left. A stream that breaks off raises a `ClientError`.
        """
        call = calls.stream(question, document_ids, top_k, max_citations)
        try:
            for last in _attempts(self._attempts):
                with connect_sse(self._http, call.method, call.path, **call.arguments) as events:
                    if events.response.is_success:
                        for event in events.iter_sse():
                            if (streamed := calls.event_of(event.event, event.data)) is not None:
                                yield streamed
                            if isinstance(streamed, StreamEnd):
                                return
                        raise UnexpectedReplyError("the stream broke off before its end")
                    events.response.read()
                problem = problem_of(events.response)
                if last or not isinstance(problem, BusyError):
                    raise problem
                sleep(_wait(problem))
        except SSEError as error:
            raise UnexpectedReplyError(str(error)) from error
        except httpx.HTTPError as error:
            raise failure_of(error) from error

    def batch(
        self,
        questions: Iterable[str],
        *,
        document_ids: Collection[str] | None = None,
        top_k: int | None = None,
        max_citations: int | None = None,
    ) -> list[BatchResult]:
        """Return one result a question, in their order: each holds an `answer` or a `problem`."""
        return (self._send(calls.batch(questions, document_ids, top_k, max_citations))).results

    def answer(self, answer_id: str) -> KeptAnswerModel:
        """Return an answer given before, with its question."""
        return self._send(calls.answer(answer_id))

    def verify(self, answer_id: str) -> Verification:
        """Have every quote of an answer given before checked against its source as it is now."""
        return self._send(calls.verify(answer_id))

    def feedback(self, answer_id: str, *, helpful: bool, reason: str = "") -> None:
        """Say whether an answer helped and, if not, why."""
        self._send(calls.feedback(answer_id, helpful, reason))

    def search(
        self, question: str, *, document_ids: Collection[str] | None = None, top_k: int | None = None
    ) -> SearchResponse:
        """Return the passages nearest to `question`."""
        return self._send(calls.search(question, document_ids, top_k))

    def documents(self) -> list[DocumentModel]:
        """Return all documents, oldest first."""
        return self._send(calls.documents()).documents

    def add_text(self, title: str, text: str) -> DocumentModel:
        """Add a Markdown or plain text."""
        return self._taken_in((self._send(calls.add_text(title, text))).root)

    def add_file(self, file: Path | bytes, name: str | None = None) -> DocumentModel:
        """Add a file; bytes need a `name`. Waits until a large one is taken in."""
        return self._taken_in((self._send(calls.add_file(file, name))).root)

    def document(self, document_id: str) -> DocumentModel:
        """Return one document's record."""
        return self._send(calls.document(document_id))

    def document_text(self, document_id: str) -> str:
        """Return a document's source, which spans point into."""
        return self._send(calls.document_text(document_id)).text

    def remove_document(self, document_id: str) -> None:
        """Remove a document."""
        self._send(calls.remove_document(document_id))

    def _taken_in(self, added: DocumentModel | JobModel) -> DocumentModel:
        while (document := calls.finished(added)) is None:
            sleep(POLL)
            assert isinstance(added, JobModel)
            added = self._send(calls.job(added.job_id))
        return document

    def _send(self, call: Call[Reply]) -> Reply:
        for last in _attempts(self._attempts):
            try:
                response = self._http.request(call.method, call.path, **call.arguments)
            except httpx.HTTPError as error:
                raise failure_of(error) from error
            try:
                return call.read(response)
            except BusyError as busy:
                if last:
                    raise
                sleep(_wait(busy))
        raise AssertionError("the last attempt returns or raises")


class AsyncClient:
    """Asks a running service; see `Client`, whose methods it has."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """See `Client`."""
        self.url = url.rstrip("/")
        self._attempts = attempts
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=_headers(key, headers), timeout=timeout, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(
        self,
        question: str,
        *,
        document_ids: Collection[str] | None = None,
        top_k: int | None = None,
        max_citations: int | None = None,
    ) -> AskResponse:
        """See `Client.ask`."""
        return await self._send(calls.ask(question, document_ids, top_k, max_citations))

    async def stream(
        self,
        question: str,
        *,
        document_ids: Collection[str] | None = None,
        top_k: int | None = None,
        max_citations: int | None = None,
    ) -> AsyncIterator[Streamed]:
        """See `Client.stream`."""
        call = calls.stream(question, document_ids, top_k, max_citations)
        try:
            for last in _attempts(self._attempts):
                async with aconnect_sse(self._http, call.method, call.path, **call.arguments) as events:
                    if events.response.is_success:
                        async for event in events.aiter_sse():
                            if (streamed := calls.event_of(event.event, event.data)) is not None:
                                yield streamed
                            if isinstance(streamed, StreamEnd):
                                return
                        raise UnexpectedReplyError("the stream broke off before its end")
                    await events.response.aread()
                problem = problem_of(events.response)
                if last or not isinstance(problem, BusyError):
                    raise problem
                await anyio.sleep(_wait(problem))
        except SSEError as error:
            raise UnexpectedReplyError(str(error)) from error
        except httpx.HTTPError as error:
            raise failure_of(error) from error

    async def batch(
        self,
        questions: Iterable[str],
        *,
        document_ids: Collection[str] | None = None,
        top_k: int | None = None,
        max_citations: int | None = None,
    ) -> list[BatchResult]:
        """See `Client.batch`."""
        return (await self._send(calls.batch(questions, document_ids, top_k, max_citations))).results

    async def answer(self, answer_id: str) -> KeptAnswerModel:
        """See `Client.answer`."""
        return await self._send(calls.answer(answer_id))

    async def verify(self, answer_id: str) -> Verification:
        """See `Client.verify`."""
        return await self._send(calls.verify(answer_id))

    async def feedback(self, answer_id: str, *, helpful: bool, reason: str = "") -> None:
        """See `Client.feedback`."""
        await self._send(calls.feedback(answer_id, helpful, reason))

    async def search(
        self, question: str, *, document_ids: Collection[str] | None = None, top_k: int | None = None
    ) -> SearchResponse:
        """See `Client.search`."""
        return await self._send(calls.search(question, document_ids, top_k))

    async def documents(self) -> list[DocumentModel]:
        """See `Client.documents`."""
        return (await self._send(calls.documents())).documents

    async def add_text(self, title: str, text: str) -> DocumentModel:
        """See `Client.add_text`."""
        return await self._taken_in((await self._send(calls.add_text(title, text))).root)

    async def add_file(self, file: Path | bytes, name: str | None = None) -> DocumentModel:
        """See `Client.add_file`."""
        return await self._taken_in((await self._send(calls.add_file(file, name))).root)

    async def document(self, document_id: str) -> DocumentModel:
        """See `Client.document`."""
        return await self._send(calls.document(document_id))

    async def document_text(self, document_id: str) -> str:
        """See `Client.document_text`."""
        return (await self._send(calls.document_text(document_id))).text

    async def remove_document(self, document_id: str) -> None:
        """See `Client.remove_document`."""
        await self._send(calls.remove_document(document_id))

    async def _taken_in(self, added: DocumentModel | JobModel) -> DocumentModel:
        while (document := calls.finished(added)) is None:
            await anyio.sleep(POLL)
            assert isinstance(added, JobModel)
            added = await self._send(calls.job(added.job_id))
        return document

    async def _send(self, call: Call[Reply]) -> Reply:
        for last in _attempts(self._attempts):
            try:
                response = await self._http.request(call.method, call.path, **call.arguments)
            except httpx.HTTPError as error:
                raise failure_of(error) from error
            try:
                return call.read(response)
            except BusyError as busy:
                if last:
                    raise
                await anyio.sleep(_wait(busy))
        raise AssertionError("the last attempt returns or raises")


def _headers(key: str | None, others: Mapping[str, str] | None) -> dict[str, Any]:
    return {**({"Authorization": f"Bearer {key}"} if key else {}), **(others or {})}


def _attempts(number: int) -> list[bool]:
    """Return for each attempt whether it is the last one."""
    return [attempt == number for attempt in range(1, number + 1)]


def _wait(busy: BusyError) -> float:
    """Return the seconds to wait: what the service asks for, up to a limit, and 1 where it does not say."""
    return min(1.0 if busy.retry_after is None else busy.retry_after, LONGEST_WAIT)

"""Where answers come from: in this process or over HTTP, as the same wire JSON (`service.schemas`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Protocol

from eval.errors import AnswerError, RunError

if TYPE_CHECKING:
    import httpx

    from service.answering import Answerer

Wire = dict[str, Any]
"""The body of an answer."""

_PROBE = "Which index answers?"
_BUSY = (429, 503)


class Answering(Protocol):
    """Something that can be asked. `name` says what it is in reports, `program` tells versions apart."""

    @property
    def name(self) -> str: ...

    @property
    def program(self) -> str: ...

    def fingerprint(self) -> str:
        """Return what the index holds, as a hash. Raises `RunError` where nothing answers at all."""
        ...

    def ask(self, question: str) -> Wire:
        """Return the body of an answer. Raises `AnswerError` where there is none."""
        ...


class InProcess:
    """An answerer in this process."""

    name = "in process"

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self.program = _program()

    def fingerprint(self) -> str:
        """Return the fingerprint of the snapshot that answers now."""
        return self._answerer.info().fingerprint

    def ask(self, question: str) -> Wire:
        """Ask as `/v1/ask` does."""
        from service.questions import QuestionError
        from service.wire import ask_body

        try:
            return ask_body(self._answerer.answer(question))
        except QuestionError as error:
            raise AnswerError(str(error)) from error


class OverHttp:
    """A running service, asked one question at a time. A busy one is asked again after the wait it names."""

    program = "unknown"

    def __init__(self, client: httpx.Client, *, attempts: int = 4) -> None:
        self._client = client
        self._attempts = attempts
        self.name = str(client.base_url).rstrip("/")

    @classmethod
    def at(cls, url: str, headers: Mapping[str, str] | None = None) -> OverHttp:
        """Ask the service at `url`, the part before `/v1`."""
        import httpx

        return cls(httpx.Client(base_url=url, headers=dict(headers or {}), timeout=30.0))

    def fingerprint(self) -> str:
        """Return the fingerprint of the index that answers now."""
        try:
            body = self._post("/v1/search", _PROBE)
        except AnswerError as error:
            raise RunError(f"{self.name} does not answer: {error}") from error
        return str(body["index"]["fingerprint"])

    def ask(self, question: str) -> Wire:
        """Ask `/v1/ask`."""
        return self._post("/v1/ask", question)

    def _post(self, path: str, question: str) -> Wire:
        import httpx

        for attempt in range(1, self._attempts + 1):
            try:
                response = self._client.post(path, json={"question": question})
            except httpx.HTTPError as error:
                raise AnswerError(f"{type(error).__name__}: {error}") from error
            if response.status_code not in _BUSY or attempt == self._attempts:
                break
            sleep(_wait(response.headers.get("Retry-After")))
        if response.status_code != httpx.codes.OK:
            raise AnswerError(f"HTTP {response.status_code}: {response.text[:200]}")
        try:
            body = response.json()
        except ValueError as error:
            raise AnswerError(f"the answer is not JSON: {response.text[:80]!r}") from error
        if not isinstance(body, dict) or "index" not in body:
            raise AnswerError(f"the answer is not of the service's form: {response.text[:80]!r}")
        return body


def _program() -> str:
    """Return a hash of the code that answers in this process."""
    digest = hashlib.sha256()
    for package in ("ingest", "index", "service"):
        for path in sorted(Path(str(files(package))).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _wait(retry_after: str | None) -> float:
    """Return the seconds to wait: what the service asks for, at most 10, and 1 where it does not say."""
    return min(float(retry_after), 10.0) if retry_after and retry_after.isdecimal() else 1.0

"""Where answers come from: in this process or over HTTP, as the same wire JSON (`service.schemas`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from eval.errors import AnswerError, RunError

if TYPE_CHECKING:
    from service.answering import Answerer
    from service.client import Client

Wire = dict[str, Any]
"""The body of an answer."""

_PROBE = "Which index answers?"


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
    """A running service, asked one question at a time."""

    program = "unknown"

    def __init__(self, client: Client) -> None:
        self._client = client
        self.name = client.url

    @classmethod
    def at(cls, url: str, headers: Mapping[str, str] | None = None) -> OverHttp:
        """Ask the service at `url`, the part before `/v1`."""
        from service.client import Client

        return cls(Client(url, headers=headers))

    def fingerprint(self) -> str:
        """Return the fingerprint of the index that answers now."""
        from service.client_errors import ClientError

        try:
            return self._client.search(_PROBE).index.fingerprint
        except ClientError as error:
            raise RunError(f"{self.name} does not answer: {error}") from error

    def ask(self, question: str) -> Wire:
        """Ask `/v1/ask`."""
        from service.client_errors import ClientError

        try:
            return self._client.ask(question).model_dump(exclude_unset=True)
        except ClientError as error:
            raise AnswerError(str(error)) from error


def _program() -> str:
    """Return a hash of the code that answers in this process."""
    digest = hashlib.sha256()
    for package in ("ingest", "index", "service"):
        for path in sorted(Path(str(files(package))).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]

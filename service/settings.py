"""Settings from the environment: `PINCITE_NAME`, each with a default that is right on one's own machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "PINCITE_"
_ELSEWHERE = frozenset({"PINCITE_CACHE"})
"""Read where it is needed: the folder of converted models."""


class SettingsError(Exception):
    """A setting is unknown or its value is not usable. The message names the variable."""


class Settings(BaseSettings):
    """How a service runs. Unchangeable once read."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    index: Path = Field(
        default=Path(".pincite/index"),
        description="Folder of the index, or the cluster's engine: qdrant://HOST:6333.",
    )
    database: SecretStr = Field(
        default=SecretStr(""), description="Database of a cluster: postgresql://USER:PASSWORD@HOST/NAME."
    )
    model: str = Field(
        default="all-MiniLM-L6-v2",
        description="Embedding model for a new index: a name or a folder. An index keeps the one it was made with.",
    )
    host: str = Field(default="127.0.0.1", description="Address to serve on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to serve on; 0 takes a free one.")
    answer_cache: int = Field(
        default=500, ge=0, description="Answers kept for questions asked again; 0 keeps none."
    )
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Names that the service goes by, separated by commas; any other Host is refused.",
    )
    allow_open: bool = Field(
        default=False, description="Serve without keys on an address that others can reach."
    )
    max_body_bytes: int = Field(default=64_000_000, ge=1024, description="Largest request body taken.")
    body_seconds: float = Field(default=5.0, gt=0, description="How long a request body may keep silent.")
    rate: float = Field(default=0, ge=0, description="Requests a second from each caller; 0 for no limit.")
    burst: int = Field(default=20, ge=1, description="Requests at once after a pause, where `rate` is set.")
    at_once: int = Field(default=0, ge=0, description="Requests worked on at once; 0 for two a processor.")
    waiting: int = Field(default=64, ge=0, description="Requests that wait their turn; more get a 503.")
    log_requests: bool = Field(default=True, description="Write a line of JSON for each request.")
    log_questions: bool = Field(default=False, description="Write questions into these lines, too.")
    job_bytes: int = Field(
        default=500_000, ge=0, description="A document larger than this is taken in after the answer (202)."
    )
    keep_answers: int = Field(
        default=10_000, ge=0, description="How many answers are remembered; 0 for none."
    )
    reranker: str = Field(
        default="", description="Cross-encoder that looks at the best passages again: a name or a folder."
    )
    generator_url: str = Field(
        default="", description="OpenAI-compatible server that writes answers: its address up to /v1."
    )
    generator_model: str = Field(default="", description="Model to ask that server for.")
    generator_key: SecretStr = Field(default=SecretStr(""), description="Key to send to that server.")
    generator_seconds: float = Field(default=20.0, gt=0, description="How long that server may take.")
    keep_days: float = Field(default=30.0, gt=0, description="How long answers are remembered.")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="Address at which people reach the page; Slack messages link to it.",
    )
    slack_bot_token: SecretStr | None = Field(default=None, description="Slack's bot token, xoxb-...")
    slack_signing_secret: SecretStr | None = Field(
        default=None, description="Secret that Slack signs requests with; turns on /slack/events."
    )
    slack_app_token: SecretStr | None = Field(
        default=None, description="Slack's app token, xapp-..., for `pincite slack`."
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/", pattern=r"^https?://\S+/$", description="Slack's Web API."
    )

    @field_validator("hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
        )

    @property
    def engine(self) -> str | None:
        """The address of the cluster's engine, where `index` is one and no folder."""
        scheme, found, rest = str(self.index).partition(":/")  # a path keeps one slash of two
        return f"{scheme}://{rest.lstrip('/')}" if found and scheme == "qdrant" else None

    @property
    def folder(self) -> Path:
        """The folder on this machine for what is kept beside the index."""
        return Path(".pincite/cluster") if self.engine else self.index


def read_settings(**overrides: object) -> Settings:
    """Return the settings from the environment, with `overrides` (those that are not None) on top.

    Raises `SettingsError` for a `PINCITE_` variable that does not exist and for values that do not fit.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _ELSEWHERE
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError(f"there is no setting {unknown[0]}: known are {', '.join(sorted(known))}")
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(f"{name} is {first['input']!r}: {first['msg']}") from error

"""The Slack bot: what people post goes to the answerer, and what it finds comes back as a message.

Every request is acknowledged at once and worked on afterwards, the answerer on worker threads. An event is
worked on once, and so is a post, whatever the number of events that report it: the ledger remembers them over
restarts. So a question is lost, not asked twice, if the service is killed between the acknowledgement and
the answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

import anyio.to_thread
import orjson
from anyio import CapacityLimiter
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.models.messages.chunk import TaskUpdateChunk
from slack_sdk.web.async_chat_stream import AsyncChatStream
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from service import messages
from service.answering import Answerer
from service.ledger import Ledger
from service.settings import Settings, SettingsError
from service.slack_answers import SlackAnswers
from service.slack_messages import HELPFUL, NOT_HELPFUL, REASON, SHARE, Message, reason_view, said
from service.slack_posts import Post, question_in, read_post

CLOSING_SECONDS = 10.0
_RETRIES = 3
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")
Body = Mapping[str, Any]

_log = logging.getLogger("pincite.slack")


class SlackBot:
    """Answers what people post in a Slack workspace. `app` takes what Slack sends, over HTTP or Socket Mode."""

    def __init__(self, answerer: Answerer, ledger: Ledger, settings: Settings) -> None:
        """Raises `SettingsError` where there is no bot token."""
        if settings.slack_bot_token is None:
            raise SettingsError("PINCITE_SLACK_BOT_TOKEN is missing: docs/slack.md says where Slack shows it")
        token = settings.slack_bot_token.get_secret_value()
        self.client = AsyncWebClient(
            token, base_url=settings.slack_api_url, retry_handlers=_retry_handlers(), logger=_log
        )
        # Signatures are checked by the route, over the bytes that came; Socket Mode has none.
        self.app = AsyncApp(
            name="pincite",
            client=AsyncWebClient(base_url=settings.slack_api_url, logger=_log),
            authorize=_identity(self.client, token),
            logger=_log,
            request_verification_enabled=False,
        )
        self._answers = SlackAnswers(answerer, ledger, settings.public_url)
        self._limiter = CapacityLimiter(os.cpu_count() or 1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listen()

    async def close(self) -> None:
        """Let running answers finish, for some seconds; then give them up."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _listen(self) -> None:
        app = self.app
        app.event("app_mention")(self._on_post)
        app.event("message")(self._on_post)
        app.event("assistant_thread_started")(self._on_thread)
        app.event(re.compile(".*"))(self._on_anything_else)
        app.command(re.compile("/.+"))(self._on_command)
        app.action(HELPFUL)(self._on_helpful)
        app.action(NOT_HELPFUL)(self._on_not_helpful)
        app.action(SHARE)(self._on_share)
        app.view(REASON)(self._on_reason)
        app.view_closed(REASON)(self._on_reason)

    async def _on_post(self, event: Body, body: Body, context: AsyncBoltContext) -> None:
        post = read_post(event, context.team_id or "", context.bot_user_id or "")
        if post is not None:
            self._start(self._reply(post, str(body["event_id"])))

    async def _on_thread(self, event: Body, body: Body) -> None:
        self._start(self._suggest(event["assistant_thread"], str(body["event_id"])))

    async def _on_anything_else(self) -> None:
        """Slack sends what the app subscribes to, and sends again what is not acknowledged."""

    async def _on_command(self, ack: AsyncAck, command: Body) -> None:
        await ack()
        self._start(self._answer_alone(question_in(command.get("text") or ""), command["response_url"]))

    async def _on_helpful(self, ack: AsyncAck, action: Body, body: Body) -> None:
        await ack()
        self._start(self._note(action["value"], True, "", body["response_url"]))

    async def _on_not_helpful(self, ack: AsyncAck, action: Body, body: Body) -> None:
        await ack()
        about = {"answer_id": action["value"], "response_url": body["response_url"]}
        try:
            await self.client.views_open(
                trigger_id=body["trigger_id"], view=reason_view(orjson.dumps(about).decode())
            )
        except SlackApiError as error:
            _log.warning("Slack opens no window to ask for a reason: %s", error.response.get("error"))
            self._start(self._note(action["value"], False, "", body["response_url"]))

    async def _on_reason(self, ack: AsyncAck, view: Body) -> None:
        """The window was sent or closed: either way the answer did not help."""
        await ack()
        about = orjson.loads(view["private_metadata"])
        written = view.get("state", {}).get("values", {}).get(REASON, {}).get(REASON, {}).get("value")
        self._start(self._note(about["answer_id"], False, written or "", about["response_url"]))

    async def _on_share(self, ack: AsyncAck, action: Body, body: Body) -> None:
        await ack()
        self._start(self._share(action["value"], str(body["user"].get("name") or ""), body))

    async def _reply(self, post: Post, event_id: str) -> None:
        """Answer a post in its thread, once."""
        if not await self._in_thread(self._answers.is_new, post, event_id):
            return
        stream = await self._begin(post)
        message = said(messages.WENT_WRONG)
        try:
            message = await self._in_thread(self._answers.to_post, post)
        finally:
            await self._finish(post, stream, message)

    async def _begin(self, post: Post) -> AsyncChatStream | None:
        """Show in the assistant's pane that the answer is on its way; None where Slack streams nothing."""
        if not (post.direct and post.follows):
            return None
        try:
            await self.client.assistant_threads_setStatus(
                channel_id=post.channel, thread_ts=post.thread, status=messages.SEARCHING
            )
            stream = await self.client.chat_stream(
                channel=post.channel,
                thread_ts=post.thread,
                recipient_team_id=post.team,
                recipient_user_id=post.user,
            )
            await stream.append(chunks=[_task("in_progress")])
        except SlackApiError as error:  # an app without the assistant's pane, or a Slack without streams
            _log.info("Slack streams nothing here: %s", error.response.get("error"))
            return None
        return stream

    async def _finish(self, post: Post, stream: AsyncChatStream | None, message: Message) -> None:
        if stream is not None:
            await stream.stop(chunks=[_task("complete")], blocks=list(message.blocks))
            return
        await self.client.chat_postMessage(channel=post.channel, thread_ts=post.thread, **message.fields())

    async def _suggest(self, thread: Body, event_id: str) -> None:
        """Offer the documents' own headings as questions in an assistant's pane that was opened."""
        prompts = await self._in_thread(self._answers.suggestions, event_id)
        if prompts:
            await self.client.assistant_threads_setSuggestedPrompts(
                channel_id=thread["channel_id"],
                thread_ts=thread["thread_ts"],
                title=messages.SUGGESTED,
                prompts=[{"title": prompt, "message": prompt} for prompt in prompts],
            )

    async def _answer_alone(self, question: str, response_url: str) -> None:
        """Answer a command so that only who gave it sees the answer."""
        message = said(messages.WENT_WRONG)
        try:
            message = await self._in_thread(self._answers.to_command, question)
        finally:
            await self._respond(response_url, message.fields() | {"response_type": "ephemeral"})

    async def _share(self, answer_id: str, name: str, body: Body) -> None:
        place = f"{body['container'].get('channel_id', '')}:{body['container'].get('message_ts', '')}"
        message = await self._in_thread(self._answers.to_share, answer_id, name, place)
        if message is None:
            await self._tell(body["response_url"], messages.FORGOTTEN)
        elif message.blocks:
            await self._respond(
                body["response_url"],
                message.fields() | {"response_type": "in_channel", "replace_original": False},
            )
            await self._respond(body["response_url"], {"delete_original": True})

    async def _note(self, answer_id: str, helpful: bool, reason: str, response_url: str) -> None:
        noted = await self._in_thread(self._answers.note, answer_id, helpful, reason)
        await self._tell(response_url, messages.THANKS if noted else messages.FORGOTTEN)

    async def _tell(self, response_url: str, text: str) -> None:
        """Say something to one person, under what is there."""
        fields = said(text).fields() | {"response_type": "ephemeral", "replace_original": False}
        await self._respond(response_url, fields)

    async def _respond(self, response_url: str, fields: dict[str, Any]) -> None:
        webhook = AsyncWebhookClient(response_url, retry_handlers=_retry_handlers(), logger=_log)
        response = await webhook.send_dict(fields)
        if response.status_code != 200:
            _log.warning("Slack took no response: HTTP %s", response.status_code)

    async def _in_thread(
        self, work: Callable[_Given, _Found], *given: _Given.args, **named: _Given.kwargs
    ) -> _Found:
        return await anyio.to_thread.run_sync(lambda: work(*given, **named), limiter=self._limiter)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Work on something that is acknowledged already."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("a question from Slack failed", exc_info=error)


def _identity(client: AsyncWebClient, token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    """Return a function that says who the bot is: Slack is asked once, whoever waits for the answer."""
    asking = asyncio.Lock()
    known: list[AuthorizeResult] = []

    async def identity() -> AuthorizeResult:
        async with asking:
            if not known:
                answer = await client.auth_test()
                known.append(
                    AuthorizeResult.from_auth_test_response(bot_token=token, auth_test_response=answer)
                )
        return known[0]

    return identity


def _task(status: str) -> TaskUpdateChunk:
    return TaskUpdateChunk(id="search", title=messages.SEARCH, status=status)


def _retry_handlers() -> list[AsyncRetryHandler]:
    """Wait as long as Slack says where it is asked too often; try again where a connection breaks."""
    return [
        AsyncRateLimitErrorRetryHandler(max_retry_count=_RETRIES),
        AsyncConnectionErrorRetryHandler(max_retry_count=1),
    ]

"""How Slack reaches the bot: signed requests to `/slack/events`, or Socket Mode, which needs no public address."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import ClientError
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from rich.console import Console
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from service import messages
from service.answering import Answerer
from service.bootstrap import open_answerer, open_ledger
from service.ledger import Ledger
from service.settings import Settings, SettingsError
from service.slack import SlackBot


def slack_routes(answerer: Answerer, ledger: Ledger, settings: Settings) -> APIRouter:
    """Return the route `/slack/events`, which takes events, commands and clicks signed by Slack.

    Raises `SettingsError` where a token or the signing secret is missing.
    """
    if settings.slack_signing_secret is None:
        raise SettingsError(
            "PINCITE_SLACK_SIGNING_SECRET is missing: docs/slack.md says where Slack shows it"
        )
    verifier = SignatureVerifier(settings.slack_signing_secret.get_secret_value())
    bot = SlackBot(answerer, ledger, settings)

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        yield
        await bot.close()

    async def events(request: Request) -> Response:
        body = await request.body()
        if not _is_signed(verifier, body, request.headers):
            raise HTTPException(401, "the request is not signed by Slack, or its signature is too old")
        return to_starlette_response(await bot.app.async_dispatch(to_async_bolt_request(request, body)))

    router = APIRouter(lifespan=closing, include_in_schema=False)
    router.add_api_route("/slack/events", events, methods=["POST"])
    return router


def _is_signed(verifier: SignatureVerifier, body: bytes, headers: Mapping[str, str]) -> bool:
    timestamp, signature = headers.get("x-slack-request-timestamp"), headers.get("x-slack-signature")
    if signature is None or not signature.isascii():
        return False
    try:
        return verifier.is_valid(body, timestamp, signature)
    except ValueError:  # the timestamp is no number, or the body no UTF-8
        return False


def run(settings: Settings, console: Console) -> None:
    """Answer over Socket Mode until stopped by SIGINT or SIGTERM.

    Raises `SettingsError` where a token is missing, where Slack refuses one and where it is not reached.
    """
    if settings.slack_app_token is None:
        raise SettingsError("PINCITE_SLACK_APP_TOKEN is missing: docs/slack.md says where Slack shows it")
    token = settings.slack_app_token.get_secret_value()
    answerer = open_answerer(settings)
    ledger = open_ledger(settings)
    size = messages.size(answerer.info())
    try:
        asyncio.run(_connected(SlackBot(answerer, ledger, settings), token, size, console))
    except SlackApiError as error:
        raise SettingsError(
            f"Slack refuses a token: {error.response.get('error')}; docs/slack.md says how to get both"
        ) from error
    except ClientError as error:
        raise SettingsError(f"Slack is not reached at {settings.slack_api_url}: {error}") from error
    finally:
        ledger.close()
        answerer.library.close()


async def _connected(bot: SlackBot, app_token: str, size: str, console: Console) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    name = (await bot.client.auth_test())["user"]
    # Connecting tries a refused token for ever, so it is tried here first.
    await bot.client.apps_connections_open(app_token=app_token)
    socket = AsyncSocketModeHandler(bot.app, app_token)
    try:
        await socket.connect_async()  # type: ignore[no-untyped-call]
        console.print(messages.listening(name, size))
        await stopped.wait()
    finally:
        await bot.close()
        await socket.close_async()  # type: ignore[no-untyped-call]

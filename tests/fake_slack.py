"""Slack on this machine: its Web API, its response URLs and Socket Mode, on a real socket.

It takes what the real one takes and refuses what the real one refuses, as far as the bot is concerned: another
token, a message that is too long, a method called too often. What was called is kept in `calls`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from aiohttp import WSMsgType, web

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-real", "xapp-real", "8f742231b10e8888abcd99yyyzzz85a5"
TEAM, BOT_USER, BOT_ID = "T1", "UBOT", "BBOT"
MOST_VISIBLE, MOST_BLOCKS, PATIENCE = 13_200, 50, 20.0


@dataclass(frozen=True)
class Call:
    """A call of a method of the Web API, or of a response URL (`respond`)."""

    method: str
    arguments: dict[str, Any]

    @property
    def shown(self) -> str:
        """All text that its blocks show."""
        return "".join(_texts(self.arguments.get("blocks", [])))


@dataclass
class FakeSlack:
    """The state of the fake; `url` is its root."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    """Answers to the envelopes of Socket Mode."""
    refusals: dict[str, list[tuple[int, dict[str, Any], dict[str, str]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Answers that a method gives first, in order: status, body and headers."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def called(self, method: str) -> list[Call]:
        with self.changed:
            return [call for call in self.calls if call.method == method]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something has come to be, woken by every call and acknowledgement."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), [call.method for call in self.calls]

    def wait_for(self, method: str, count: int = 1) -> list[Call]:
        """Wait for `count` calls of a method, and return them."""
        self.wait(lambda: sum(call.method == method for call in self.calls) >= count)
        return self.called(method)

    def send(self, envelope: dict[str, Any]) -> None:
        """Send something over the newest connection in Socket Mode."""
        assert self.loop is not None
        sending = self.sockets[-1].send_str(json.dumps(envelope))
        asyncio.run_coroutine_threadsafe(sending, self.loop).result(PATIENCE)

    def hang_up(self) -> None:
        """Close the newest connection, as Slack does now and then."""
        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(self.sockets[-1].close(), self.loop).result(PATIENCE)

    def _note(self, call: Call) -> None:
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()

    async def api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = await _arguments(request)
        wanted = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if request.headers.get("Authorization") != f"Bearer {wanted}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if self.refusals[method]:
            status, body, headers = self.refusals[method].pop(0)
            self._note(Call(f"refused {method}", arguments))
            return web.json_response(body, status=status, headers=headers)
        error = _problem(arguments)
        if error:
            return web.json_response({"ok": False, "error": error})
        self._note(Call(method, arguments))
        return web.json_response({"ok": True, **self._answer(method)})

    def _answer(self, method: str) -> dict[str, Any]:
        if method == "auth.test":
            return {"user_id": BOT_USER, "bot_id": BOT_ID, "team_id": TEAM, "user": "pincite", "team": "Team"}
        if method == "apps.connections.open":
            return {"url": self.url.replace("http", "ws", 1) + "/socket"}
        return {"ts": f"{1_700_000_000 + len(self.calls)}.000100", "channel": "C1"}

    async def respond(self, request: web.Request) -> web.Response:
        arguments = await request.json()
        error = _problem(arguments)
        if error:
            return web.Response(text=error, status=400)
        self._note(Call("respond", {**arguments, "url": request.path}))
        return web.Response(text="ok")

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        await response.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        with self.changed:
            self.sockets.append(response)
            self.changed.notify_all()
        async for message in response:
            if message.type == WSMsgType.TEXT:
                with self.changed:
                    self.acknowledged.append(json.loads(message.data))
                    self.changed.notify_all()
        return response


@contextmanager
def slack() -> Iterator[FakeSlack]:
    """Run the fake on a free port for as long as the block runs."""
    fake = FakeSlack()
    started = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(fake, started)))
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield fake
    finally:
        assert fake.loop is not None
        fake.loop.call_soon_threadsafe(fake.stopping.set)
        thread.join()


async def _serve(fake: FakeSlack, started: threading.Event) -> None:
    fake.loop = asyncio.get_running_loop()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/api/{method}", fake.api)
    app.router.add_post("/respond/{name}", fake.respond)
    app.router.add_get("/socket", fake.socket)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    started.set()
    await fake.stopping.wait()
    for each in fake.sockets:
        await each.close()
    await runner.cleanup()


async def _arguments(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        return dict(await request.json())
    return {
        key: json.loads(value) if value[:1] in "[{" else value
        for key, value in (await request.post()).items()
    }  # type: ignore[union-attr, arg-type]


def _problem(arguments: dict[str, Any]) -> str | None:
    """Return Slack's error for a message that it does not take."""
    blocks = arguments.get("blocks") or []
    if len(blocks) > MOST_BLOCKS:
        return "invalid_blocks"
    if sum(map(len, _texts(blocks))) > MOST_VISIBLE or len(arguments.get("text") or "") > 40_000:
        return "msg_too_long"
    return None


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(content, list):
        for each in content:
            yield from _texts(each)


def signature(body: bytes, timestamp: str, secret: str = SECRET) -> dict[str, str]:
    """Return the headers that Slack signs a request with (v0: HMAC-SHA256 over version, time and raw body)."""
    signed = b"v0:" + timestamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def post(url: str, body: bytes, kind: str = "application/json", **headers: str) -> httpx.Response:
    """Send a signed request to the service at `url`."""
    signed = signature(body, str(int(time.time())))
    return httpx.post(
        f"{url}/slack/events", content=body, headers={"Content-Type": kind, **signed, **headers}
    )


def event(inner: dict[str, Any], event_id: str = "Ev1") -> dict[str, Any]:
    """Return the body of an event."""
    return {
        "type": "event_callback",
        "event_id": event_id,
        "event_time": 1_700_000_000,
        "team_id": TEAM,
        "api_app_id": "A1",
        "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        "event": inner,
    }


def mention(text: str, ts: str = "1700000000.000001", **more: Any) -> dict[str, Any]:
    """Return the event of a post in a channel that names the bot."""
    words = f"<@{BOT_USER}> {text}"
    return {"type": "app_mention", "user": "U1", "text": words, "ts": ts, "channel": "C1", **more}


def direct(text: str, ts: str = "1700000000.000001", **more: Any) -> dict[str, Any]:
    """Return the event of a post to the bot alone."""
    return {
        "type": "message",
        "user": "U1",
        "text": text,
        "ts": ts,
        "channel": "D1",
        "channel_type": "im",
        **more,
    }


def send_event(url: str, inner: dict[str, Any], event_id: str = "Ev1", **headers: str) -> httpx.Response:
    """Send an event as Slack does."""
    return post(url, json.dumps(event(inner, event_id)).encode(), **headers)


def send_form(url: str, fields: dict[str, str]) -> httpx.Response:
    """Send a form as Slack sends commands and clicks."""
    return post(url, urlencode(fields).encode(), "application/x-www-form-urlencoded")


def send_command(url: str, fake: FakeSlack, text: str) -> httpx.Response:
    """Send `/ask TEXT`."""
    return send_form(
        url,
        {
            "command": "/ask",
            "text": text,
            "team_id": TEAM,
            "channel_id": "C1",
            "user_id": "U1",
            "user_name": "ada",
            "trigger_id": "1.2.3",
            "response_url": f"{fake.url}/respond/command",
        },
    )


def send_click(url: str, fake: FakeSlack, action_id: str, value: str) -> httpx.Response:
    """Send a click on a button."""
    return send_payload(
        url,
        {
            "type": "block_actions",
            "trigger_id": "1.2.3",
            "response_url": f"{fake.url}/respond/click",
            "container": {"type": "message", "channel_id": "C1", "message_ts": "1700000009.000100"},
            "channel": {"id": "C1", "name": "general"},
            "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": value}],
        },
    )


def send_payload(url: str, payload: dict[str, Any]) -> httpx.Response:
    """Send what a person did with a message or a window."""
    whole = {"team": {"id": TEAM}, "user": {"id": "U1", "name": "ada", "team_id": TEAM}, **payload}
    return send_form(url, {"payload": json.dumps(whole)})

"""Who may do what: the scope of every route, keys, and requests that a foreign page smuggles in.

On a loopback address without keys everybody who reaches the service may do all. Once there is a key, and on any
other address, a key is needed: as `Authorization: Bearer KEY`, or in the cookie that `/login` sets.
"""

from __future__ import annotations

import ipaddress
import threading
from http.cookies import CookieError, SimpleCookie
from time import monotonic
from urllib.parse import quote, urlsplit

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.ledger import Keyring, Ledger, LedgerError
from service.problems import ProblemResponse
from service.scopes import needed
from service.settings import Settings, SettingsError

COOKIE = "pincite_key"
KEYS_SECONDS = 1.0
"""How long keys are held in memory: a revoked one is refused after this time at the latest."""

_KEY_NEEDED = "a key is needed: send it as `Authorization: Bearer KEY`"
_SAFE = ("GET", "HEAD", "OPTIONS")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_binding(settings: Settings, keys: Keyring) -> None:
    """Refuse to serve to others without keys. Raises `SettingsError`."""
    if not is_loopback(settings.host) and not settings.allow_open and not keys:
        raise SettingsError(
            f"PINCITE_HOST is {settings.host!r}, which others can reach, and there are no keys: make one with "
            "`pincite keys add NAME`, or set PINCITE_ALLOW_OPEN=1 if something else checks who is asking"
        )


class Access:
    """ASGI middleware. Answers 401 and 403 to who may not, and 403 to what a page of another origin sends.

    Who is let in is noted as `scope["state"]["caller"]`: a key's id, or '' where none is needed.
    """

    def __init__(self, app: ASGIApp, *, ledger: Ledger | None, settings: Settings) -> None:
        self._app = app
        self._ledger = ledger
        self._always = not is_loopback(settings.host) and not settings.allow_open
        self._own_hosts = frozenset(name.lower() for name in settings.hosts)
        self._keys = Keyring()
        self._read_at = -KEYS_SECONDS
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal: ASGIApp | None = self._foreign(scope["method"], headers)
        if refusal is None:
            refusal = await self._unknown(scope, headers)
        await (refusal or self._app)(scope, receive, send)

    def _foreign(self, method: str, headers: Headers) -> _Refusal | None:
        """Refuse what a browser says that a page of another origin had it send."""
        if method in _SAFE:
            return None
        origin = headers.get("origin")
        own = origin is None or self._is_own(origin, headers.get("host", ""))
        if own and headers.get("sec-fetch-site") != "cross-site":
            return None
        return _Refusal(403, "foreign_origin", "a page of another origin may not change or ask anything here")

    def _is_own(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
            name = (parts.hostname or "").lower()
        except ValueError:
            return False
        return bool(name) and (parts.netloc.lower() == host.lower() or name in self._own_hosts)

    async def _unknown(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """Refuse what the key that a request brings does not allow; note whose it is."""
        need = needed(scope["method"], scope["path"])
        if need == "open":
            return None
        try:
            keys = await self._current_keys()
        except LedgerError as error:
            return _Refusal(503, "ledger_unavailable", str(error))
        if not keys and not self._always:
            return None
        token = _token(headers)
        key = keys.key_of(token) if token else None
        if key is None:
            return _ask_for_key(scope, headers, "that key is not known here" if token else _KEY_NEEDED)
        scope.setdefault("state", {})["caller"] = key.id
        if key.may(need):
            return None
        return _Refusal(403, "forbidden", f"this needs a key with the scope {need}; yours has {key.scope}")

    async def _current_keys(self) -> Keyring:
        """Return the keys as the ledger had them a moment ago. Once there were any, none is not open to all."""
        if self._ledger is None or monotonic() - self._read_at < KEYS_SECONDS:
            return self._keys
        keys = await to_thread.run_sync(self._ledger.keyring)
        with self._lock:
            self._always = self._always or bool(keys)
            self._keys, self._read_at = keys, monotonic()
        return keys


class HostCheck:
    """ASGI middleware for a service on a loopback address. Answers 421 to a `Host` that is no name of it: a page
    whose name was made to lead here (DNS rebinding) would otherwise count as our own.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in settings.hosts) if settings.hosts else frozenset()
        self._checks = bool(self._names) or is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and self._checks
            and not self._is_ours(Headers(scope=scope).get("host", ""))
        ):
            detail = "this service does not go by that name: PINCITE_HOSTS names those that it does go by"
            await _Refusal(421, "misdirected_request", detail)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self._names or is_loopback(name)


class _Refusal:
    """A problem that is the answer to whatever request it is called with."""

    def __init__(self, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> None:
        self._parts = status, kind, detail
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(scope.get("state", {}).get("request_id", "-"))
        await ProblemResponse(*self._parts, request_id, self._headers)(scope, receive, send)


def _ask_for_key(scope: Scope, headers: Headers, detail: str) -> ASGIApp:
    """Send a person to the form that asks for a key, and tell a program that one is needed."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        query = scope["query_string"].decode("latin-1")
        asked = scope["path"] + (f"?{query}" if query else "")
        return RedirectResponse(f"/login?to={quote(asked, safe='')}", 303)
    return _Refusal(401, "unauthorized", detail, {"WWW-Authenticate": "Bearer"})


def _token(headers: Headers) -> str:
    """Return the key that a request brings, '' where it brings none."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""

"""`/login` and `/logout`: a key for the page, kept in a cookie that no script and no other site can use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from service import messages
from service.access import COOKIE
from service.page_templates import HEADERS, assets, environment
from service.routing import UsedLedger

_SECONDS = 30 * 24 * 3600
_TOO_LONG = 200

router = APIRouter(include_in_schema=False)
_here = Path(__file__).parent
_templates = environment(_here / "templates", assets(_here / "static"))


@router.get("/login")
def show_login(to: str = "/") -> HTMLResponse:
    """The form that asks for a key."""
    return _page(to)


@router.post("/login")
def log_in(
    request: Request, ledger: UsedLedger, key: Annotated[str, Form()] = "", to: Annotated[str, Form()] = "/"
) -> Response:
    """Keep a good key in a cookie and go where the visitor wanted to."""
    token = key.strip()
    if ledger is None or len(token) > _TOO_LONG or ledger.key_of(token) is None:
        return _page(to, messages.WRONG_KEY, 401)
    response = RedirectResponse(_local(to), 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, _SECONDS, httponly=True, samesite="strict", secure=secure)
    return response


@router.post("/logout")
def log_out() -> Response:
    """Forget the key."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def _page(to: str, failure: str = "", status: int = 200) -> HTMLResponse:
    content = _templates.get_template("login.html").render(to=_local(to), failure=failure)
    return HTMLResponse(content, status, HEADERS | {"Cache-Control": "no-store"})


def _local(to: str) -> str:
    """Return `to` if it is a place on this service, else the first page."""
    safe = to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isprintable()
    return to if safe else "/"

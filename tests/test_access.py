"""Who may do what: keys, scopes, foreign pages, and a scope for every route there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from test_cli import run, serving

from index.library import Library
from service import access
from service.access import HostCheck, check_binding, is_loopback
from service.answering import Answerer
from service.app import create_app
from service.ledger import SCOPES, Keyring, Ledger, Scope
from service.scopes import ROUTES, needed
from service.settings import Settings, SettingsError, read_settings

DOCUMENT = {"title": "guide", "text": "The badge opens the door."}
ORIGIN = "https://evil.example"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture
def client(library: Library, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(access, "KEYS_SECONDS", 0.0)
    app = create_app(Answerer(library), Settings(), ledger)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def keys(ledger: Ledger) -> dict[Scope, dict[str, str]]:
    """A header for each scope."""
    return {scope: {"authorization": f"Bearer {ledger.add_key(scope, scope)[1]}"} for scope in SCOPES}


def every_route(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from every_route(route.original_router.routes, prefix + route.include_context.prefix)
        else:
            for method in route.methods - {"HEAD"}:
                yield method, prefix + route.path


def test_every_route_has_a_scope(client: TestClient) -> None:
    found = list(every_route(client.app.routes))  # type: ignore[attr-defined]
    assert len(found) > 20
    missing = [(method, path) for method, path in found if method not in ROUTES.get(path, {})]
    assert missing == [], "say in service.scopes.ROUTES which scope these need"


def test_what_has_no_entry_needs_the_highest_scope() -> None:
    assert needed("POST", "/v1/new") == needed("PATCH", "/v1/documents") == "admin"
    assert needed("HEAD", "/v1/documents") == needed("GET", "/v1/documents") == "read"
    assert needed("DELETE", "/v1/documents/abc") == "write"


def test_open_is_only_what_tells_nothing_of_the_documents() -> None:
    opened = {path for path, needs in ROUTES.items() if "open" in needs.values()}
    assert opened == {"/healthz", "/readyz", "/login", "/logout", "/static/{name}", "/slack/events"}


@pytest.mark.parametrize(
    "authorization", [None, "Bearer ", "Bearer x", "Basic eDp5", "Bearer pincite_" + "A" * 43]
)
def test_row_12_no_key_or_a_wrong_one(
    client: TestClient, keys: dict[Scope, dict[str, str]], authorization: str | None
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    for method, path in every_route(client.app.routes):  # type: ignore[attr-defined]
        if needed(method, path) != "open":
            response = client.request(method, path, headers=headers)
            assert response.status_code == 401, path
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.json()["type"] == "urn:pincite:problem:unauthorized"
    assert client.get("/healthz").status_code == 200


def test_row_13_a_key_may_do_what_its_scope_says(
    client: TestClient, keys: dict[Scope, dict[str, str]]
) -> None:
    refused = client.post("/v1/documents", json=DOCUMENT, headers=keys["read"])
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:pincite:problem:forbidden")
    assert "scope write; yours has read" in refused.json()["detail"]
    path = client.post("/v1/documents", json=DOCUMENT, headers=keys["write"]).headers["location"]
    assert client.get(path, headers=keys["read"]).status_code == 200
    assert client.put(path, json=DOCUMENT, headers=keys["read"]).status_code == 403
    assert client.delete(path, headers=keys["read"]).status_code == 403
    assert client.delete(path, headers=keys["admin"]).status_code == 204
    assert client.post("/v1/ask", json={"question": "a"}, headers=keys["read"]).status_code == 200


def test_a_revoked_key_is_refused_and_the_last_one_opens_nothing(client: TestClient, ledger: Ledger) -> None:
    assert client.get("/v1/documents").status_code == 200, "no keys, and nobody but this machine gets here"
    key, token = ledger.add_key("laptop", "read")
    headers = {"authorization": f"Bearer {token}"}
    assert client.get("/v1/documents", headers=headers).status_code == 200
    ledger.revoke_key(key.id)
    assert client.get("/v1/documents", headers=headers).status_code == 401
    assert client.get("/v1/documents").status_code == 401


def test_a_person_signs_in_on_the_page(client: TestClient, ledger: Ledger) -> None:
    _, token = ledger.add_key("someone", "read")
    page = {"accept": "text/html"}
    sent = client.get("/documents/a?span=1-2", headers=page)
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?to=%2Fdocuments%2Fa%3Fspan%3D1-2")
    form = client.get(sent.headers["location"], headers=page)
    assert 'name="to" value="/documents/a?span=1-2"' in form.text
    wrong = client.post("/login", data={"key": "x", "to": "/"})
    assert (wrong.status_code, "not known here" in wrong.text) == (401, True)
    signed = client.post("/login", data={"key": token, "to": "/documents/a?span=1-2"})
    assert (signed.status_code, signed.headers["location"]) == (303, "/documents/a?span=1-2")
    assert "HttpOnly" in signed.headers["set-cookie"]
    assert "samesite=strict" in signed.headers["set-cookie"].lower()
    assert client.get("/", headers=page).status_code == 200
    assert client.delete("/v1/documents/a").status_code == 403
    client.post("/logout")
    assert client.get("/", headers=page).status_code == 303


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "x", "/\n"])
def test_signing_in_leads_to_no_other_site(client: TestClient, ledger: Ledger, to: str) -> None:
    _, token = ledger.add_key("someone", "read")
    assert client.post("/login", data={"key": token, "to": to}).headers["location"] == "/"


def test_row_16_no_other_origin_is_let_in(client: TestClient) -> None:
    for method in ("GET", "OPTIONS"):
        headers = {"origin": ORIGIN, "access-control-request-method": "POST"}
        response = client.request(method, "/v1/documents", headers=headers)
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "headers",
    [{"origin": ORIGIN}, {"origin": "null"}, {"origin": "http://[x"}, {"sec-fetch-site": "cross-site"}],
)
def test_a_page_of_another_origin_changes_nothing(client: TestClient, headers: dict[str, str]) -> None:
    response = client.post("/v1/documents", files={"file": ("a.md", b"Planted.")}, headers=headers)
    assert (response.status_code, response.json()["type"]) == (403, "urn:pincite:problem:foreign_origin")
    assert client.get("/v1/documents").json() == {"documents": []}


def test_the_page_itself_is_no_foreign_origin(client: TestClient) -> None:
    headers = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert client.post("/v1/documents", json=DOCUMENT, headers=headers).status_code == 201


@pytest.mark.parametrize(("host", "status"), [
    ("127.0.0.1:8000", 200), ("localhost", 200), ("[::1]:8000", 200), ("evil.example:8000", 421), ("", 421),
    ("127.0.0.1.evil.example", 421), ("[", 421),
])  # fmt: skip
def test_a_name_that_was_made_to_lead_here_is_refused(library: Library, host: str, status: int) -> None:
    settings = Settings()
    with TestClient(HostCheck(create_app(Answerer(library), settings), settings=settings)) as client:
        response = client.get("/healthz", headers={"host": host})
    assert response.status_code == status


def test_names_of_the_service_may_be_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCITE_HOSTS", "ask.example, Other.example")
    settings = read_settings(host="0.0.0.0", allow_open=True)
    with TestClient(HostCheck(create_app(Answerer(library), settings), settings=settings)) as client:
        statuses = [
            client.get("/healthz", headers={"host": host}).status_code
            for host in ("ask.example", "other.example:443", "localhost", "evil.example")
        ]
        behind = {"host": "localhost:8000", "origin": "https://ask.example"}
        assert client.post("/v1/ask", json={"question": "a"}, headers=behind).status_code == 200
    assert statuses == [200, 200, 200, 421]


@pytest.mark.parametrize(("host", "loopback"), [
    ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True),
    ("0.0.0.0", False), ("::", False), ("192.168.1.7", False), ("example.org", False),
])  # fmt: skip
def test_an_address_that_others_reach_needs_keys(host: str, loopback: bool, ledger: Ledger) -> None:
    assert is_loopback(host) is loopback
    if loopback:
        check_binding(Settings(host=host), Keyring())
    else:
        with pytest.raises(SettingsError, match="there are no keys: make one with `pincite keys add NAME`"):
            check_binding(Settings(host=host), Keyring())
        check_binding(Settings(host=host, allow_open=True), Keyring())
        ledger.add_key("a", "read")
        check_binding(Settings(host=host), ledger.keyring())


def test_keys_are_made_and_revoked_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Guide\n\nThe badge opens the door.")
    index = tmp_path / "index"
    assert run("ingest", tmp_path / "a.md", "--index", index).returncode == 0
    refused = run("serve", "--index", index, "--host", "0.0.0.0", "--port", "0")
    assert (refused.returncode, "there are no keys" in refused.stderr) == (2, True)
    made = run("keys", "add", "laptop", "--scope", "write", "--index", index)
    token = made.stdout.strip()
    listed = run("keys", "list", "--index", index).stdout
    assert token not in listed
    assert f"…{token[-4:]}" in listed
    assert "write  " in listed
    with serving(index) as (address, _):
        headers = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{address}/v1/documents").status_code == 401
        assert httpx.get(f"{address}/v1/documents", headers=headers).status_code == 200
        assert run("keys", "revoke", listed.split()[0], "--index", index).returncode == 0
        for _ in range(300):
            if httpx.get(f"{address}/v1/documents", headers=headers).status_code == 401:
                break
        else:
            raise AssertionError("a revoked key is let in")
    assert run("keys", "revoke", "nowhere", "--index", index).returncode == 3

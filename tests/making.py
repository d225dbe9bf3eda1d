"""Small documents for tests, made from scratch: PDF, and DOCX as the archive it is."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

FONTS = {"F": "Helvetica", "B": "Helvetica-Bold"}
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

Text = tuple[float, float, str] | tuple[float, float, str, float] | tuple[float, float, str, float, str]
"""What stands on a page: x, y (points from the bottom left), the text, its size (10), its font (F or B)."""


def pdf_of(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF of `objects`, the first of them its catalogue."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        trailer,
        table,
    )
    return bytes(out)


def stream(data: bytes, filters: bytes = b"/FlateDecode") -> bytes:
    """Return a stream object of `data`, which is already encoded as `filters` say."""
    return b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(data), filters, data)


def pdf_with(contents: Iterable[bytes], extra: bytes = b"", size: tuple[int, int] = (612, 792)) -> bytes:
    """Return a PDF with a page for each of `contents`, which are stream objects."""
    contents = list(contents)
    fonts = b" ".join(b"/%s %d 0 R" % (name.encode(), 3 + i) for i, name in enumerate(FONTS))
    first = 3 + len(FONTS)
    pages = range(first, first + 2 * len(contents), 2)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % n for n in pages), len(contents)),
        *(
            b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % name.encode()
            for name in FONTS.values()
        ),
    ]
    for number, content in zip(pages, contents, strict=True):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R %s"
            b" /Resources << /Font << %s >> >> >>" % (*size, number + 1, extra, fonts)
        )
        objects.append(content)
    return pdf_of(objects)


def make_pdf(
    pages: Iterable[Iterable[Text]], extra: bytes = b"", size: tuple[int, int] = (612, 792)
) -> bytes:
    """Return a PDF with `pages` of text."""
    return pdf_with((stream(zlib.compress(_drawn(page))) for page in pages), extra, size)


def _drawn(page: Iterable[Text]) -> bytes:
    drawn = []
    for x, y, text, *rest in page:
        points, font = (*rest, 10.0, "F")[:2] if len(rest) == 1 else (rest or (10.0, "F"))
        escaped = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        drawn.append(
            b"BT /%s %.2f Tf 1 0 0 1 %.2f %.2f Tm (%s) Tj ET" % (str(font).encode(), points, x, y, escaped)
        )
    return b"\n".join(drawn)


def lines(x: float, y: float, texts: Iterable[str], size: float = 10.0, step: float = 12.0) -> list[Text]:
    """Return `texts` one below the other, from `y` down."""
    return [(x, y - i * step, text, size) for i, text in enumerate(texts)]


def make_docx(body: str, parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """Return a DOCX whose document has the XML `body`; `parts` are more members, or others in their place."""
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": (
            f'<Relationships><Relationship Id="r1" Type="{_RELATION}/officeDocument" Target="word/document.xml"/>'
            "</Relationships>"
        ),
        "word/_rels/document.xml.rels": "<Relationships>"
        + "".join(
            f'<Relationship Id="{kind}" Type="{_RELATION}/{kind}" Target="{kind}.xml"/>'
            for kind in ("styles", "footnotes", "endnotes")
            if f"word/{kind}.xml" in (parts or {})
        )
        + "</Relationships>",
        "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
    }
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, text in {**members, **(parts or {})}.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def paragraph(text: str, style: str = "", properties: str = "") -> str:
    """Return the XML of a paragraph."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{properties}</w:pPr><w:r><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>"

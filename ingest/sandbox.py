"""Parsing what may be hostile, in a child process with little memory, little time and nothing to take.

The child imports the one parser it needs, sets its own limits before it looks at a byte, has an empty
environment and cannot write a file. It answers in plain data, which the parent checks like any input.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from pathlib import Path
from typing import IO, Any, get_args

import orjson

from ingest.content import Content, Limits
from ingest.errors import BY_CODE, ExtractionLimitError, ReadError, UnreadableError
from ingest.types import Block, BlockKind, Piece, Quality

_log = logging.getLogger("pincite")
_ROOT = str(Path(__file__).resolve().parent.parent)
_START = "import sys; sys.path[:] = sys.argv[4].split('\\n'); from ingest.sandbox import main; main(*sys.argv[1:4])"
_BYTES_A_CHARACTER = 10  # of the answer: text, blocks and boxes
_KINDS = frozenset(get_args(BlockKind))
_QUALITIES = frozenset(get_args(Quality))
DRAWING = Limits(seconds=20, memory=1 << 29, characters=4_000_000)
"""How much one picture may cost."""
_OVER_LIMIT = frozenset(
    (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGKILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGILL)
)


def read_apart(parser: str, data: bytes, name: str, limits: Limits) -> Content:
    """Return what `parser` ("pdf", "docx" or "html") finds in `data`, parsed in a child process.

    Raises `ExtractionLimitError` when the child passes its limits, `UnreadableError` when it crashes, and
    whatever `ReadError` the parser itself raised.
    """
    return _unpack(_answer(parser, data, name, limits), name)


def draw_apart(data: bytes, number: int, name: str, limits: Limits = DRAWING) -> bytes:
    """Return page `number` of a PDF as a PNG, drawn in a child process. Raises as `read_apart` does."""
    return _image(_answer(f"page {number}", data, name, limits), name)


def _answer(task: str, data: bytes, name: str, limits: Limits) -> bytes:
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as trace,
    ):
        given.write(data)
        given.seek(0)
        code = _run(task, name, limits, given, answer, trace)
        if code == 0:
            answer.seek(0)
            return answer.read()
        trace.seek(max(trace.tell() - 4000, 0))
        _log.warning("the %s reader ended with %s: %s", task, code, trace.read().decode("utf-8", "replace"))
    if code < 0 and -code in _OVER_LIMIT:
        raise _over(name, limits)
    raise UnreadableError(f"{name!r} could not be read: it made the {task} reader fail. Is the file whole?")


def _run(task: str, name: str, limits: Limits, given: IO[bytes], answer: IO[bytes], trace: IO[bytes]) -> int:
    numbers = f"{limits.pages},{limits.seconds},{limits.memory},{limits.characters}"
    path = "\n".join([_ROOT, *(entry for entry in sys.path if entry)])
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", "-c", _START, task, name.replace("\0", " ")[:1000], numbers, path],
        stdin=given,
        stdout=answer,
        stderr=trace,
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        cwd="/",
    )
    try:
        return child.wait(4 * limits.seconds + 30)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        raise _over(name, limits) from None
    except BaseException:
        child.kill()
        child.wait()
        raise


def _over(name: str, limits: Limits) -> ExtractionLimitError:
    return ExtractionLimitError(
        f"{name!r} cannot be read within {limits.seconds} s and {limits.memory >> 20} MiB: "
        "it unpacks to far more than it seems, or is too long. Split it and add the parts"
    )


def main(task: str, name: str, numbers: str) -> None:
    """Run in the child: do `task` (a parser, or `page N`) with standard input, the answer to standard output."""
    limits = Limits(*(int(number) for number in numbers.split(",")))
    answer_bytes = limits.characters * _BYTES_A_CHARACTER
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, answer_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    try:
        answer = _do(task, sys.stdin.buffer.read(), name, limits)
        if len(answer) > answer_bytes:
            raise _over(name, limits)
    except ReadError as error:
        answer = orjson.dumps({"error": error.code, "message": str(error)})
    except MemoryError:
        answer = orjson.dumps({"error": ExtractionLimitError.code, "message": str(_over(name, limits))})
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing to clean up, and a library's clean-up could still fail


def _do(task: str, data: bytes, name: str, limits: Limits) -> bytes:
    kind, _, number = task.partition(" ")
    if kind != "page":
        return _pack(_parse(task, data, name, limits))
    from ingest.pageimage import draw_page

    return orjson.dumps({"image": b64encode(draw_page(data, int(number), name)).decode("ascii")})


def _parse(parser: str, data: bytes, name: str, limits: Limits) -> Content:
    if parser == "pdf":
        from ingest.pdf import read_pdf

        content = read_pdf(data, name, limits)
    elif parser == "docx":
        from ingest.docx import read_docx

        content = read_docx(data, name, limits)
    elif parser == "html":
        from ingest.html import read_html

        content = read_html(data.decode("utf-8"))
    else:
        raise ValueError(f"no such parser: {parser!r}")
    if len(content.source) > limits.characters:
        raise ExtractionLimitError(
            f"{name!r} holds {len(content.source)} characters, the limit is {limits.characters}. Split it"
        )
    return content


def _pack(content: Content) -> bytes:
    source = content.source
    blocks = [
        (b.kind, b.start, b.end, b.level, b.page, b.label, b.urls, [_packed(source, p) for p in b.pieces])
        for b in content.blocks
    ]
    boxes = None if content.boxes is None else b64encode(content.boxes.to_bytes()).decode("ascii")
    return orjson.dumps({"title": content.title, "source": source, "blocks": blocks, "boxes": boxes})


def _packed(source: str, piece: Piece) -> tuple[int | str | None, ...]:
    text = None if piece.text == source[piece.start : piece.end] else piece.text
    return (piece.start, piece.end, piece.quality, text, piece.note)


def _image(answer: bytes, name: str) -> bytes:
    """Check the answer of a child that may be in a stranger's hands, and return the picture in it."""
    from ingest.pageimage import LONG_SIDE, size_of

    try:
        image = b64decode(_fields(answer)["image"], validate=True)
        if max(size_of(image)) > LONG_SIDE:
            raise ValueError(f"a picture of {size_of(image)} pixels")
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableError(f"{name!r} could not be drawn: the answer was malformed") from error
    return image


def _fields(answer: bytes) -> dict[str, Any]:
    """Return the fields of an answer. Raises the error that it brings, and `TypeError` for what is no object."""
    fields = orjson.loads(answer)
    if not isinstance(fields, dict):
        raise TypeError("an answer is an object")
    if "error" in fields:
        raise BY_CODE[fields["error"]](str(fields["message"]))
    return fields


def _unpack(answer: bytes, name: str) -> Content:
    """Check the answer of a child that may be in a stranger's hands, and return it."""
    try:
        fields = _fields(answer)
        source, title = fields["source"], fields["title"]
        if not isinstance(source, str) or not isinstance(title, str):
            raise TypeError("source and title are texts")
        blocks = tuple(_block(source, *block) for block in fields["blocks"])
        boxes = None
        if fields["boxes"] is not None:
            from ingest.boxes import Boxes

            boxes = Boxes.from_bytes(b64decode(fields["boxes"], validate=True))
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableError(f"{name!r} could not be read: the reader's answer was malformed") from error
    return Content(source, blocks, title, boxes)


def _block(
    source: str, kind: Any, start: Any, end: Any, level: Any, page: Any, label: Any, urls: Any, pieces: Any
) -> Block:
    if kind not in _KINDS or not 0 <= start <= end <= len(source) or not isinstance(level, int):
        raise ValueError(f"no such block: {kind!r} at {start}:{end} of {len(source)}")
    if not isinstance(page, int | None) or not isinstance(label, str | None):
        raise TypeError("a page is a number, a label a text")
    if not all(isinstance(url, str) for url in urls):
        raise TypeError("an address is a text")
    return Block(
        kind, start, end, tuple(_piece(source, *piece) for piece in pieces), level, page, label, tuple(urls)
    )


def _piece(source: str, start: Any, end: Any, quality: Any, text: Any, note: Any) -> Piece:
    if quality not in _QUALITIES or not 0 <= start <= end <= len(source):
        raise ValueError(f"no such piece: {quality!r} at {start}:{end} of {len(source)}")
    if not isinstance(text, str | None) or not isinstance(note, str | None):
        raise TypeError("a piece is a text")
    of_source = source[start:end]
    if text is None:
        text = of_source
    elif len(text) == end - start and not (text.isspace() and of_source.isspace()):
        raise ValueError(f"a piece as long as its source must be its source, not {text!r}")
    return Piece(text, start, end, quality, note)

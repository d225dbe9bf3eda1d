"""Pictures of the pages of documents that have pages, drawn in a child process and remembered for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from index.backend import Backend
from ingest.errors import ReadError
from ingest.sandbox import draw_apart

DRAWN_AT_ONCE = 2
HELD_BYTES = 32_000_000


class PageImages:
    """The pictures of a library's pages.

    At most `DRAWN_AT_ONCE` are drawn at the same time, others wait their turn without keeping a thread, and
    the last `HELD_BYTES` of them are remembered. What cannot be drawn is remembered too: a hostile page costs
    its time once.
    """

    def __init__(self, library: Backend) -> None:
        self._library = library
        self._turns = CapacityLimiter(DRAWN_AT_ONCE)
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, int], bytes | ReadError] = OrderedDict()
        self._bytes = 0

    async def image(self, document_id: str, number: int) -> bytes | None:
        """Return page `number`, from 1, as a PNG, or None where a document has no such page or no pages.

        Raises `UnknownDocumentError`, and `ReadError` for a page that cannot be drawn.
        """
        return await run_sync(self._image, document_id, number, limiter=self._turns)

    def _image(self, document_id: str, number: int) -> bytes | None:
        document = self._library.document(document_id)
        if document.boxes is None or not 1 <= number <= len(document.boxes.sizes):
            return None
        key = (document.record.sha256, number)
        found = self._recall(key)
        if found is None:
            original = self._library.original(document_id)
            if original is None:
                return None
            found = self._draw(original, number, document.record.title)
            self._remember(key, found)
        if isinstance(found, ReadError):
            raise found
        return found

    @staticmethod
    def _draw(original: bytes, number: int, title: str) -> bytes | ReadError:
        try:
            return draw_apart(original, number, title)
        except ReadError as error:
            return error.with_traceback(None)

    def _recall(self, key: tuple[str, int]) -> bytes | ReadError | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def _remember(self, key: tuple[str, int], found: bytes | ReadError) -> None:
        with self._lock:
            self._bytes += _size(found) - _size(self._held.pop(key, b""))
            self._held[key] = found
            while self._bytes > HELD_BYTES and len(self._held) > 1:
                self._bytes -= _size(self._held.popitem(last=False)[1])


def _size(found: bytes | ReadError) -> int:
    return len(found) if isinstance(found, bytes) else 1_000

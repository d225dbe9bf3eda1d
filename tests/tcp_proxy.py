"""A TCP proxy in a process of its own, between a service and what it depends on.

    python tcp_proxy.py PORT TARGET_PORT

Orders come on standard input, a line each: `pass`; `stall` (take connections and bytes, give nothing on);
`gone` (close what is open, refuse what comes); `cut N` (close each connection after N more bytes to the target).
Each is answered by a line.
"""

from __future__ import annotations

import asyncio
import sys

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self.mode = "pass"
        self.left = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.server: asyncio.Server | None = None

    async def order(self, line: str) -> None:
        self.mode, _, number = line.partition(" ")
        self.left = int(number or 0)
        if self.mode == "gone":
            if self.server is not None:
                self.server.close()
            for writer in self.open:
                writer.transport.abort()
        elif self.server is None or not self.server.is_serving():
            self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            behind = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self.open.add(behind[1])
        await asyncio.gather(
            self.pump(reader, behind[1], writer, True), self.pump(behind[0], writer, behind[1], False)
        )

    async def pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
        there: bool,
    ) -> None:
        try:
            while data := await reader.read(65536):
                while self.mode == "stall":
                    await asyncio.sleep(0.02)
                if self.mode == "cut" and there:
                    data = data[: self.left]
                    self.left -= len(data)
                writer.write(data)
                await writer.drain()
                if self.mode == "cut" and self.left <= 0 and there:
                    break
        except OSError:
            pass
        for each in (writer, other):
            each.transport.abort() if self.mode in {"cut", "gone"} else each.close()
            self.open.discard(each)


async def main(port: int, target: int) -> None:
    proxy = Proxy(port, target)
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    await proxy.order("pass")
    print("ready", flush=True)
    while line := await orders.readline():
        await proxy.order(line.decode().strip())
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

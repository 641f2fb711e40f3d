"""
A fake provider whose streams take time: C{python -m bench.gateway.paced PORT}.

Whatever is asked of it, it sends the first event at once and each of the others L{PACE} later;
below C{/silent/} nothing, ever.
"""

from __future__ import annotations

import asyncio
import re
import sys

from bench.common.processes import HOST
from bench.gateway.payloads import DONE, PACE, PACED_CHUNKS, chunk_event

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def _framed(text: str) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text), text.encode("ascii"))


_CHUNK = _framed(chunk_event())
_FIRST = _HEAD + _CHUNK
_LAST = _framed(DONE) + b"0\r\n\r\n"
_HEALTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Paced(asyncio.Protocol):
    """A connection to it; its peers send whole requests with a C{Content-Length}."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the request when all of it is here."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or len(body) < int(length[1] if length else 0):
            return
        self._received = b""
        if head.startswith(b"GET"):
            self._transport.write(_HEALTH)
            return
        if head.startswith(b"POST /silent/"):
            return
        self._transport.write(_FIRST)
        self._wait(PACED_CHUNKS - 1, self._loop.time())

    def _wait(self, left: int, sent_at: float) -> None:
        # Counted from when it was due, so that delays do not add up.
        due = sent_at + PACE
        self._loop.call_at(due, self._send, left, due)

    def _send(self, left: int, due: float) -> None:
        if self._transport.is_closing():
            return
        if left == 0:
            self._transport.write(_LAST)
            return
        self._transport.write(_CHUNK)
        self._wait(left - 1, due)


async def serve(port: int) -> None:
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Paced(loop), HOST, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

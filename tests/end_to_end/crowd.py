"""A provider and many callers at once, in one thread: streams whose pace the test sets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from tests.end_to_end.server import MASTER_KEY

_DELTA = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
_DATA = json.dumps({"object": "chat.completion.chunk", "choices": [_DELTA]}).encode()
_EVENT = b"data: %b\n\n" % _DATA
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_ANSWER = b'{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'


class CrowdProvider:
    """
    A provider whose streams all go on when it is told to, and which never answers else.

    @ivar streams: Those that are open.
    @ivar waiting: How many callers wait for an answer that does not come.
    @ivar gone: How many callers have left before the end.
    """

    def __init__(self) -> None:
        self.streams: set[asyncio.StreamWriter] = set()
        self.waiting = 0
        self.gone = 0

    @contextlib.asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        """Serve meanwhile."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=2048)
        try:
            yield
        finally:
            server.close()
            for writer in list(self.streams):
                writer.transport.abort()

    def feed(self, chunks: int) -> None:
        """Send chunks on every stream."""
        for writer in self.streams:
            writer.write(_CHUNK * chunks)

    def end(self) -> None:
        """End every stream."""
        for writer in list(self.streams):
            self.streams.discard(writer)
            writer.write(_END)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*over):
            while True:
                body = await _request(reader)
                if body["model"] == "quick":
                    writer.write(_response(_ANSWER))
                    continue
                if body["model"] == "silent":
                    self.waiting += 1
                    try:
                        await reader.read(1)
                    finally:
                        self.waiting -= 1
                    break
                self.streams.add(writer)
                writer.write(_HEAD + _CHUNK)
        if writer in self.streams:
            self.streams.discard(writer)
            self.gone += 1
        writer.close()


def _response(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


async def _request(reader: asyncio.StreamReader) -> dict[str, str]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.partition(b":")[2]) for line in lines if b"content-length:" in line)
    body: dict[str, str] = json.loads(await reader.readexactly(length))
    return body


class Caller:
    """
    A caller.

    @ivar events: How many chunks have come.
    @ivar done: The stream has ended as it should.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events = 0
        self.done = False
        self._reader = reader
        self._writer = writer

    @classmethod
    async def call(cls, port: int, model: str, stream: bool) -> Caller:
        """Ask."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        messages = [{"role": "user", "content": "Hello"}]
        body = json.dumps({"model": model, "messages": messages, "stream": stream}).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Authorization: Bearer %b\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (MASTER_KEY.encode(), len(body), body)
        )
        return cls(reader, writer)

    async def status(self) -> int:
        """The response's status."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1])

    async def read(self, events: int = 0) -> None:
        """Read a stream until so many chunks have come, or its end."""
        while not self.done and (not events or self.events < events):
            line = await self._reader.readline()
            assert line, "the stream broke off"
            if line == b"data: [DONE]\n":
                self.done = True
            elif line.startswith(b"data: "):
                assert line == b"data: %b\n" % _DATA, line
                self.events += 1

    def leave(self) -> None:
        """Close the connection."""
        self._writer.transport.abort()

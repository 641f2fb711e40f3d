"""Bytes put through the request parser, and what it says."""

from __future__ import annotations

from twisted_aigate.web.parser import Head, RequestParser


class Recorder:
    """Keeps what the parser says."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.bodies: list[bytes] = []
        self.ended = 0

    def head_received(self, head: Head) -> None:
        self.heads.append(head)
        self.bodies.append(b"")

    def body_received(self, data: bytes) -> None:
        self.bodies[-1] += data

    def message_ended(self) -> None:
        self.ended += 1


def parse(*pieces: bytes) -> Recorder:
    recorder = Recorder()
    parser = RequestParser(recorder)
    for piece in pieces:
        parser.feed(piece)
    return recorder


def head(*lines: bytes, first: bytes = b"POST / HTTP/1.1") -> bytes:
    return b"\r\n".join((first, b"Host: test", *lines, b"", b""))


CHUNKED = head(b"Transfer-Encoding: chunked")

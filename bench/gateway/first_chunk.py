"""How long a stream's first chunk takes: a client that keeps some streams going at once."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.common.processes import HOST
from bench.common.wrk import Target
from bench.gateway.payloads import PACE, PACED_CHUNKS

_DATA, _DONE, _END = b"data:", b"[DONE]", b"\r\n0\r\n\r\n"
_TAIL = 512
_GRACE = 30.0


@dataclass
class FirstChunks:
    """
    What was seen.

    @ivar streams: How many there were at once.
    @ivar delays: Milliseconds from request to first chunk, of each stream.
    @ivar problems: What was not as it should be.
    """

    streams: int
    delays: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Stream:
    """A connection that asks for one stream after the other."""

    def __init__(self, target: Target) -> None:
        self._request = target.request()
        self._port = target.port
        self.connect()

    def connect(self) -> None:
        """Open the connection."""
        self.socket = socket.create_connection((HOST, self._port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        """Begin a stream."""
        self._seen = b""
        self.delay: float | None = None
        self.sent_at = time.perf_counter()
        self.socket.sendall(self._request)

    def read(self) -> bool:
        """
        Take what has come.

        @return: Whether the stream is over.
        @raise ValueError: It is not as it should be.
        """
        data = self.socket.recv(65536)
        now = time.perf_counter()
        if not data:
            raise ValueError("closed before its end")
        self._seen += data
        if self.delay is None:
            head, end, body = self._seen.partition(b"\r\n\r\n")
            if not end:
                return False
            if not head.startswith(b"HTTP/1.1 200 "):
                raise ValueError(head[:40].decode("latin-1").partition("\r")[0])
            if _DATA not in body:
                return False
            self.delay = (now - self.sent_at) * 1000
        self._seen = self._seen[-_TAIL:]
        if not self._seen.endswith(_END):
            return False
        if _DONE not in self._seen:
            raise ValueError("ended without [DONE]")
        return True


def measure_first_chunks(target: Target, streams: int, seconds: float) -> FirstChunks:
    """
    Keep C{streams} paced streams going and time their first chunks.

    Each connection's first stream is a warm-up and does not count.
    """
    result, faults = FirstChunks(streams), Counter[str]()
    selector = selectors.DefaultSelector()
    waiting = [_Stream(target) for _ in range(streams)]
    counted: set[_Stream] = set()
    active = 0
    begun = time.perf_counter()
    # Begun evenly over a stream's length: chunks do not come in step.
    apart = PACE * PACED_CHUNKS / streams
    try:
        while active or waiting:
            now = time.perf_counter()
            while waiting and now >= begun + (streams - len(waiting)) * apart:
                stream = waiting.pop()
                selector.register(stream.socket, selectors.EVENT_READ, stream)
                stream.ask()
                active += 1
            if now > begun + seconds + _GRACE:
                faults["not over in time"] += active
                break
            for key, _ in selector.select(apart if waiting else 1.0):
                stream = key.data
                try:
                    if not stream.read():
                        continue
                    if stream in counted and stream.delay is not None:
                        result.delays.append(stream.delay)
                    counted.add(stream)
                except (ValueError, OSError) as error:
                    faults[str(error)] += 1
                    selector.unregister(stream.socket)
                    stream.socket.close()
                    stream.connect()
                    selector.register(stream.socket, selectors.EVENT_READ, stream)
                if time.perf_counter() < begun + seconds:
                    stream.ask()
                else:
                    active -= 1
    finally:
        for key in list(selector.get_map().values()):
            key.data.socket.close()
        for stream in waiting:
            stream.socket.close()
        selector.close()
    result.problems = [f"{count} streams: {fault}" for fault, count in faults.items()]
    return result

"""
A provider of chats on loopback that fails in the way that the model's name says.

What no HTTP server would do is written to the socket byte by byte.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

_RESET = struct.pack("ii", 1, 0)
_STALL = 8.0
"""Seconds: longer than any time-out of the tests, and the end of a thread that nobody waits for."""

_ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "context-window": (
        400,
        {
            "message": "This model's maximum context length is 10 tokens.",
            "code": "context_length_exceeded",
        },
    ),
    "context-window-text": (
        400,
        {"message": "prompt is too long: 208310 tokens > 200000 maximum"},
    ),
    "content-policy": (
        400,
        {"message": "It is against the rules.", "code": "content_policy_violation"},
    ),
}
_OVERLOADED = {"error": {"message": "The model is overloaded.", "code": 503}}


def _chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return _event({"object": "chat.completion.chunk", "choices": [choice]})


def _event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def answer_of(model: str) -> str:
    """What a model says when it answers."""
    return f"from {model}"


class Exchange:
    """
    A request and the socket that its answer goes to.

    @ivar body: The request.
    @ivar number: How many requests for its model there were before it.
    """

    def __init__(self, connection: socket.socket, body: dict[str, Any], number: int) -> None:
        self.body = body
        self.number = number
        self._connection = connection

    @property
    def model(self) -> str:
        """The model, which is what happens."""
        return str(self.body["model"])

    def json(self, status: int, value: Any, *fields: str) -> None:
        """A whole response."""
        data = json.dumps(value).encode()
        head = [f"HTTP/1.1 {status} X", "Content-Type: application/json",
                f"Content-Length: {len(data)}", "Connection: close", *fields, "", ""]  # fmt: skip
        self.raw("\r\n".join(head).encode() + data)

    def begin(self) -> None:
        """A head whose body is chunked, of the sort that was asked for."""
        kind = b"text/event-stream" if self.body.get("stream") else b"application/json"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.raw(head % kind)

    def chunk(self, data: bytes) -> None:
        """A chunk of the body; empty: its end."""
        self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    def raw(self, data: bytes) -> None:
        """Bytes."""
        self._connection.sendall(data)

    def reset(self) -> None:
        """Cut the connection as a crash does."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._connection.close()

    def gone(self, seconds: float) -> bool:
        """Whether the other end goes within that time."""
        self._connection.settimeout(seconds)
        try:
            return self._connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    # Answers.

    def parts(self) -> list[bytes]:
        """An answer in pieces: of the first one no event or value is complete with less."""
        text = answer_of(self.model)
        if self.body.get("stream"):
            return [_chunk(text[:6]), _chunk(text[6:]), _chunk("", "stop"), b"data: [DONE]\n\n"]
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        data = json.dumps({"object": "chat.completion", "choices": [choice], "usage": {}}).encode()
        return [data[:40], data[40:]]

    def answer(self) -> None:
        """Answer well."""
        self.begin()
        for part in (*self.parts(), b""):
            self.chunk(part)

    def answer_slowly(self) -> None:
        """The same, byte by byte at first."""
        self.begin()
        first, *rest = self.parts()
        for byte in first:
            self.chunk(bytes((byte,)))
            time.sleep(0.004)
        for part in (*rest, b""):
            self.chunk(part)


def _first(exchange: Exchange) -> None:
    exchange.begin()
    exchange.chunk(exchange.parts()[0])
    # So that what follows does not come in the same piece.
    time.sleep(0.1)


def _error_event(exchange: Exchange) -> None:
    for data in (_event(_OVERLOADED), b"data: [DONE]\n\n", b""):
        exchange.chunk(data)


def _begin_with_error(exchange: Exchange) -> None:
    exchange.begin()
    _error_event(exchange)


def _split_error(exchange: Exchange) -> None:
    exchange.begin()
    exchange.chunk(b": PROCESSING\n\n")
    data = _event(_OVERLOADED)
    exchange.chunk(data[:9])
    time.sleep(0.1)
    exchange.chunk(data[9:])
    exchange.chunk(b"")


def _after_head(act: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    def behave(exchange: Exchange) -> None:
        exchange.begin()
        time.sleep(0.1)
        act(exchange)

    return behave


def _after_first(act: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    def behave(exchange: Exchange) -> None:
        _first(exchange)
        act(exchange)

    return behave


def _malformed(exchange: Exchange) -> None:
    exchange.raw(b"no chunk size\r\n")


def _stall(exchange: Exchange) -> None:
    exchange.gone(_STALL)


def _empty(exchange: Exchange) -> None:
    exchange.begin()
    exchange.chunk(b"")


_BEHAVIOURS: dict[str, Callable[[Exchange], None]] = {
    "reset": Exchange.reset,
    "closed": lambda exchange: None,
    "no-http": lambda exchange: exchange.raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "silent": _stall,
    "reset-after-head": _after_head(Exchange.reset),
    "malformed-after-head": _after_head(_malformed),
    "stalled-after-head": _after_head(_stall),
    "error-event": _begin_with_error,
    "split-error-event": _split_error,
    "empty": _empty,
    "reset-after-first": _after_first(Exchange.reset),
    "malformed-after-first": _after_first(_malformed),
    "stalled-after-first": _after_first(_stall),
    "error-event-after-first": _after_first(_error_event),
    "slow": Exchange.answer_slowly,
}


class FailingProvider:
    """
    The provider.

    A model named C{once-X} fails as C{X} the first time, and then answers; what stands behind an
    C{@} means nothing.

    @ivar asked: The models that it was asked for, with the time of each.
    @ivar gone: The models whose caller left before they had answered.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []
        self.gone: list[str] = []
        self._counts: Counter[str] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def base(self) -> str:
        """Its C{api_base}."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def models(self) -> list[str]:
        """The models that it was asked for."""
        return [model for model, _ in self.asked]

    def clear(self) -> None:
        """Forget what was asked."""
        self.asked.clear()
        self.gone.clear()

    def stop(self) -> None:
        """Stop it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            body = _read(connection)
            if body is None:
                return
            model = body["model"]
            self.asked.append((model, time.monotonic()))
            exchange = Exchange(connection, body, self._counts[model])
            self._counts[model] += 1
            try:
                self._behave(exchange, model)
            except OSError:
                self.gone.append(model)

    def _behave(self, exchange: Exchange, how: str) -> None:
        how = how.partition("@")[0]
        if how.startswith("once-"):
            how = how.removeprefix("once-") if exchange.number == 0 else "answer"
        if how == "waits-to-see-who-leaves":
            if exchange.gone(_STALL):
                self.gone.append(how)
        elif how in _ERRORS:
            status, error = _ERRORS[how]
            exchange.json(status, {"error": error})
        elif how.startswith("status-"):
            status = int(how.removeprefix("status-"))
            fields = ("Retry-After: 1",) if status == 429 else ()
            exchange.json(status, {"error": {"message": f"status {status}"}}, *fields)
        else:
            _BEHAVIOURS.get(how, Exchange.answer)(exchange)


def _read(connection: socket.socket) -> dict[str, Any] | None:
    """The body of a request; C{None}: there is none."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            return None
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.partition(b":")[2]) for line in lines if b"content-length:" in line)
    while len(body) < length:
        body += connection.recv(65536)
    parsed: dict[str, Any] = json.loads(body)
    return parsed

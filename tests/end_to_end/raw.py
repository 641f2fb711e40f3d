"""Bytes on a socket: requests that no client library would send."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

from tests.end_to_end.server import MASTER_KEY

AUTHORIZATION = f"Authorization: Bearer {MASTER_KEY}\r\n".encode()


class RawResponse:
    """
    A response.

    @ivar status: The HTTP status; 0 when the connection was closed without one.
    @ivar fields: Header fields in lower case.
    @ivar body: The body.
    """

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        pairs = (line.split(": ", 1) for line in lines[1:])
        self.fields = {name.lower(): value for name, value in pairs}

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object."""
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


def post(path: bytes, body: bytes, fields: bytes = b"Content-Type: application/json\r\n") -> bytes:
    """A request whose connection is closed behind it."""
    return (
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" % path
        + AUTHORIZATION
        + fields
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


def send(port: int, data: bytes, timeout: float = 20.0) -> RawResponse:
    """Send bytes and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        # A server that refuses early may close while we still send.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        return RawResponse(receive(connection))


def receive(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = []
    try:
        while data := connection.recv(65536):
            received.append(data)
    except ConnectionResetError:
        pass
    return b"".join(received)

"""HTTP servers on loopback, a thread a connection: what stands in for the world outside."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LoopbackServer:
    """
    A server that serves as soon as it is made: what its handler needs has to be there before.

    @param handler: What answers the requests.
    @param port: Where it listens; 0: where it is free.
    @param host: The address that it listens at.
    @ivar stopping: Set when it stops, for handlers that wait.
    """

    def __init__(self, handler: type[Handler], port: int = 0, host: str = "127.0.0.1") -> None:
        self.stopping = threading.Event()
        self._server = _Server(self, (host, port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        """The port where it listens."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop it."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, owner: LoopbackServer, address: tuple[str, int], handler: type[Handler]
    ) -> None:
        self.owner = owner
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients may leave in the middle
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """
    One connection.

    @ivar owner: The server that it belongs to.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    owner: Any

    def setup(self) -> None:
        super().setup()
        self.owner = self.server.owner

    def log_message(self, format: str, *args: object) -> None:
        pass

    def fields(self) -> dict[str, str]:
        """The header fields of the request, names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    def body(self) -> bytes:
        """The body of the request, which can be read once."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        fields: dict[str, str] | None = None,
    ) -> None:
        """Answer with a body whose length is told."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (fields or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, status: int, value: Any, fields: dict[str, str] | None = None) -> None:
        """Answer with a value."""
        self.send(status, json.dumps(value).encode(), fields=fields)

    def begin_events(self, kind: str = "text/event-stream") -> None:
        """Begin to answer with events, or parts of them, each of which is a chunk."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """Send some bytes; none: the end."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def reset(self) -> None:
        """Cut the connection, so that the peer gets a reset and not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

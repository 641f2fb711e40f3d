"""A provider on loopback that speaks the Realtime API, checks what it is sent, and can fail."""

from __future__ import annotations

import json
import socket
import struct
import threading
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.end_to_end.provider import API_KEY

MB = 1024 * 1024


class Conversation:
    """
    One conversation.

    @ivar query: The query that it was asked with.
    @ivar path: The path.
    @ivar fields: The header fields, names in lower case.
    @ivar received: Every message that the provider was sent.
    @ivar sent: How many messages of C{flood} went out.
    """

    def __init__(self, request: Request) -> None:
        url = urlsplit(request.path)
        self.path = url.path
        self.query = parse_qs(url.query)
        self.fields = {name.lower(): value for name, value in request.headers.raw_items()}
        self.received: list[str | bytes] = []
        self.sent = 0
        self._ended = threading.Event()
        self._close: tuple[int | None, str | None] = (None, None)

    def end(self, code: int | None, reason: str | None) -> None:
        """It is over."""
        self._close = (code, reason)
        self._ended.set()

    @property
    def close(self) -> tuple[int | None, str | None]:
        """The code and the reason that it was closed with, once it is."""
        assert self._ended.wait(20), "the conversation does not end"
        return self._close


class FakeRealtime:
    """
    The provider; what it does is in the model's name.

    @ivar conversations: Those that it was asked for.
    @ivar go_on: C{deaf} reads when it is set.
    """

    def __init__(self) -> None:
        self.conversations: list[Conversation] = []
        self.go_on = threading.Event()
        self._server = serve(
            self._converse,
            "127.0.0.1",
            0,
            process_request=self._check,
            max_size=17 * MB,
            max_queue=1,
            compression=None,
            ping_interval=None,
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        """Its C{api_base}."""
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/v1"

    def stop(self) -> None:
        """Stop it."""
        self.go_on.set()
        self._server.shutdown()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        asked = Conversation(request)
        self.conversations.append(asked)
        model = asked.query["model"][0]
        if asked.fields.get("authorization") != f"Bearer {API_KEY}":
            return _error(401, "who are you?")
        if model.startswith("status-"):
            return _error(int(model.removeprefix("status-")), "as asked")
        return None

    def _converse(self, connection: ServerConnection) -> None:
        conversation = self.conversations[-1]
        model = conversation.query["model"][0]
        try:
            getattr(self, f"_{model}")(connection, conversation)
        except ConnectionClosed:
            pass
        finally:
            connection.close()
            conversation.end(connection.close_code, connection.close_reason)

    def _talk(self, connection: ServerConnection, conversation: Conversation) -> None:
        _send(connection, type="session.created", session={"id": "sess_1", "type": "realtime"})
        for message in connection:
            conversation.received.append(message)
            if isinstance(message, bytes):
                connection.send(message)
                continue
            event = json.loads(message)
            if event["type"] == "response.create":
                self._respond(connection)
            elif event["type"] == "input_audio_buffer.append":
                connection.send(message)

    def _respond(self, connection: ServerConnection) -> None:
        said = {"response_id": "resp_1", "item_id": "i", "output_index": 0, "content_index": 0}
        for word in ("Hello ", "there."):
            _send(connection, type="response.output_text.delta", delta=word, **said)
        usage = {"total_tokens": 40, "input_tokens": 30, "output_tokens": 10}
        response = {"id": "resp_1", "object": "realtime.response", "status": "completed"}
        _send(connection, type="response.done", response={**response, "usage": usage})

    def _closes(self, connection: ServerConnection, conversation: Conversation) -> None:
        connection.close(4001, "session expired")

    def _dies(self, connection: ServerConnection, conversation: Conversation) -> None:
        connection.recv()
        raw = connection.socket
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.shutdown(socket.SHUT_RDWR)

    def _flood(self, connection: ServerConnection, conversation: Conversation) -> None:
        while True:
            connection.send(b"x" * MB)
            conversation.sent += 1

    def _deaf(self, connection: ServerConnection, conversation: Conversation) -> None:
        self.go_on.wait()
        for message in connection:
            conversation.received.append(message)


def _send(connection: ServerConnection, **event: Any) -> None:
    connection.send(json.dumps({"event_id": "event_1", **event}))


def _error(status: int, message: str) -> Response:
    body = json.dumps({"error": {"message": message, "code": "some_code"}}).encode()
    fields = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
    fields["Retry-After"] = "7"
    return Response(status, HTTPStatus(status).phrase, fields, body)

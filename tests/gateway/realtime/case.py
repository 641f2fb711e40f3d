"""The routes with a provider of conversations in memory, for tests."""

from __future__ import annotations

import re

import msgspec

from tests.gateway.routes_case import KEY, RoutesCase
from tests.support.edge import Wire, get
from tests.support.transports import MemoryTransport
from tests.support.websockets import (
    OFFER,
    TEXT,
    Frame,
    accept_for,
    frame,
    frames,
)
from twisted_aigate.gateway.deployments import Deployment, Limits
from twisted_aigate.http_client import Origin
from twisted_aigate.kernel.secrets import Secret

ORIGIN = Origin("http", "upstream.test", 80)
UPSTREAM_KEY = Secret("sk-upstream")
AUTHORIZED = f"Authorization: Bearer {KEY}"
DONE = (
    b'{"type":"response.done","response":'
    b'{"usage":{"total_tokens":90,"input_tokens":60,"output_tokens":30}}}'
)


def talks(name: str, model: str, provider: str = "openai", path: str = "/v1") -> Deployment:
    return Deployment(
        name,
        provider,
        model,
        ORIGIN,
        path,
        UPSTREAM_KEY,
        ((b"X-Mine", b"1"),),
        timeout=10,
        limits=Limits(tpm=100, max_parallel=2),
        info={"input_cost_per_token": 0.001, "output_cost_per_token": 0.01},
    )


class RealtimeCase(RoutesCase):
    more = (
        talks("talks", "gpt-realtime"),
        talks("two", "one"),
        talks("two", "other"),
        talks("azure", "my talks", "azure", "/openai"),
        talks("azure-v1", "my-talks", "azure", "/openai/v1"),
        Deployment("chats", "groq", "llama", ORIGIN, "/v1"),
        Deployment("claude", "anthropic", "claude", ORIGIN),
    )

    def setUp(self) -> None:
        super().setUp()
        self.wire = Wire(self.site, self.clock)

    def ask(self, query: str = "model=talks", *lines: str, path: str = "/v1/realtime") -> None:
        """Offer a WebSocket."""
        self.wire.send(get(f"{path}?{query}", *OFFER, *(lines or (AUTHORIZED,))))

    @property
    def upstream(self) -> MemoryTransport:
        """The newest connection to a provider."""
        return self.sockets.connections[-1]

    def asked(self) -> tuple[str, dict[str, str]]:
        """The target and the header fields that the provider was asked with."""
        first, *lines = bytes(self.upstream.sent).split(b"\r\n\r\n")[0].decode().split("\r\n")
        return first.split(" ")[1], dict(line.split(": ", 1) for line in lines)

    def agree(self, *messages: bytes) -> None:
        """Have the provider agree, and say something at once."""
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", self.upstream.sent)
        assert key is not None
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_for(key[1])}\r\n\r\n"
        )
        said = b"".join(frame(TEXT, each, masked=False) for each in messages)
        self.upstream.sent.clear()
        self.upstream.receive(head.encode() + said)

    def refuse(self, status: int, body: bytes = b"{}") -> None:
        """Have the provider refuse."""
        head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.upstream.receive(head + body)

    def opened(self) -> list[Frame]:
        """What the caller was sent behind the 101."""
        head, _, rest = bytes(self.wire.transport.sent).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        return frames(rest)

    def error(self) -> dict[str, object]:
        """The error that the caller was told, in OpenAI's form."""
        error: dict[str, object] = msgspec.json.decode(self.wire.answer().body)["error"]
        return error

    def assert_told(self, status: int, code: str) -> None:
        """The caller was told an error before any upgrade."""
        self.assertEqual((self.wire.answer().status, self.error()["code"]), (status, code))

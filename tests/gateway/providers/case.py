"""A provider, asked in memory: what it sends, and what it makes of what comes back."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from tests.gateway.fakes import make_call
from tests.support.streams import RecordingConsumer
from tests.support.upstream import ORIGIN, ClientCase
from twisted_aigate.gateway.calls import Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream
from twisted_aigate.kernel.secrets import Secret

KEY = "sk-vendor-key"
USER = [{"role": "user", "content": "Hello"}]


@frozen
class Sent:
    """A request that went out."""

    target: str
    fields: dict[str, str]
    body: Any


def response(
    body: bytes, status: int = 200, content_type: str = "application/json", **fields: str
) -> bytes:
    """An HTTP response, whole."""
    head = [f"HTTP/1.1 {status} X", f"Content-Type: {content_type}"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
STREAM_END = b"0\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def events(*values: Any) -> bytes:
    """Server-sent events."""
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def chunks_of(data: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream that is whole."""
    blocks = [block for block in data.decode().split("\n\n") if block and block[0] != ":"]
    assert blocks[-1] == "data: [DONE]", blocks[-1:]
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-1]]


def joined(chunks: list[dict[str, Any]], index: int = 0) -> dict[str, Any]:
    """The choice that the chunks of a stream are, whole: as clients put it together."""
    said: dict[str, Any] = {}
    calls: dict[int, dict[str, Any]] = {}
    finish = None
    for chunk in chunks:
        for choice in chunk["choices"]:
            if choice["index"] != index:
                continue
            finish = choice["finish_reason"] or finish
            for name, value in choice["delta"].items():
                if name == "tool_calls":
                    for call in value:
                        _add_call(calls, call)
                elif isinstance(value, str | list) and name != "role":
                    said[name] = said.get(name, type(value)()) + value
    if calls:
        said["tool_calls"] = [calls[number] for number in sorted(calls)]
    return {**said, "finish_reason": finish}


def _add_call(calls: dict[int, dict[str, Any]], call: dict[str, Any]) -> None:
    call = {**call}
    known = calls.get(call.pop("index"))
    if known is None:
        calls[len(calls)] = {**call, "function": {**call["function"]}}
    else:
        known["function"]["arguments"] += call["function"]["arguments"]


class ProviderCase(ClientCase):
    """
    Tests of a provider.

    @cvar name: Its name.
    """

    name = ""
    model = "model-1"
    path = ""

    def make(self, upstream: Upstream) -> IProvider:
        """The provider."""
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.provider = self.make(Upstream(self.client))

    def deployment(self, **more: Any) -> Deployment:
        """A deployment of its."""
        known: dict[str, Any] = {
            "model_name": "m",
            "provider": self.name,
            "model": self.model,
            "origin": ORIGIN,
            "path": self.path,
            "api_key": Secret(KEY),
        }
        return Deployment(**{**known, **more})

    def ask(
        self, deployment: Deployment | None = None, task: Task = Task.CHAT, **fields: Any
    ) -> Deferred[Result]:
        """Begin a call."""
        if task is Task.CHAT:
            fields.setdefault("messages", USER)
        call = make_call(task, **fields)
        asked = self.provider.call(deployment or self.deployment(), call)
        return Deferred.fromCoroutine(asked)

    def sent(self) -> Sent:
        """The newest request that went out."""
        head, _, body = bytes(self.upstream.connections[-1].sent).rpartition(b"\r\n\r\n")
        lines = head[head.rfind(b"POST ") :].decode().split("\r\n")
        fields = [line.partition(": ") for line in lines[1:]]
        named = {name.lower(): value for name, _, value in fields}
        return Sent(lines[0].split(" ")[1], named, json.loads(body))

    def request(self, deployment: Deployment | None = None, **fields: Any) -> Any:
        """The body that a call's request has."""
        asking = self.ask(deployment, **fields)
        sent = self.sent()
        asking.addErrback(lambda _: None)
        asking.cancel()
        return sent.body

    def refusal(self, deployment: Deployment | None = None, **fields: Any) -> GatewayError:
        """The error of a call that is not even sent."""
        error: GatewayError = self.failureResultOf(
            self.ask(deployment, **fields), GatewayError
        ).value
        self.assertEqual(self.upstream.connections, [])
        return error

    def answer(self, value: Any, deployment: Deployment | None = None, **fields: Any) -> Any:
        """The answer to a call that the provider answers with C{value}."""
        asking = self.ask(deployment, **fields)
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.respond(response(body))
        result = self.successResultOf(asking)
        assert isinstance(result.body, bytes)
        return json.loads(result.body)

    def refused(self, status: int, value: Any, **fields: str) -> GatewayError:
        """The error of a call that the provider refuses."""
        asking = self.ask()
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.respond(response(body, status, **fields))
        error: GatewayError = self.failureResultOf(asking, GatewayError).value
        return error

    def begin_stream(
        self, deployment: Deployment | None = None, **fields: Any
    ) -> tuple[Result, RecordingConsumer, Deferred[None]]:
        """Begin a call that the provider answers with events."""
        asking = self.ask(deployment, stream=True, **fields)
        self.respond(STREAM_HEAD)
        result = self.successResultOf(asking)
        assert not isinstance(result.body, bytes)
        consumer = RecordingConsumer()
        return result, consumer, result.body.startProducing(consumer)

    def streamed(self, *pieces: bytes, **fields: Any) -> list[dict[str, Any]]:
        """The chunks of an answer that comes in these pieces."""
        _, consumer, done = self.begin_stream(**fields)
        for piece in pieces:
            self.respond(chunked(piece))
        self.respond(STREAM_END)
        self.successResultOf(done)
        return chunks_of(consumer.data)

    def stream_error(self, *pieces: bytes, **fields: Any) -> GatewayError:
        """The error of a stream that comes in these pieces, and then ends."""
        result, _, done = self.begin_stream(**fields)
        for piece in pieces:
            self.respond(chunked(piece))
        if not self.upstream.connections[-1].closed:
            self.respond(STREAM_END)
        return result.described(self.failureResultOf(done).value)

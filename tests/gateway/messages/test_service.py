"""The Messages API over a deployment."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import (
    HELLO,
    blocks_of,
    chunk,
    deployment,
    events_of,
    stream,
)
from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.messages.models import MessagesRequest
from twisted_aigate.gateway.messages.service import as_chat, as_message
from twisted_aigate.gateway.requests import json_call
from twisted_aigate.http_client import ConnectionBroken

_ANSWER = json.dumps(
    {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {}}
).encode()
_HEADERS = ((b"X-Model", b"1"),)


class AnswerTests(SynchronousTestCase):
    """Calls in, chats asked, answers translated."""

    def setUp(self) -> None:
        self.result: Result | Exception = Result(_ANSWER, headers=_HEADERS)
        self.asked: list[tuple[Deployment, Call]] = []

    async def ask(self, deployment: Deployment, call: Call) -> Result:
        """Answer a chat."""
        self.asked.append((deployment, call))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def answer(self, **fields: Any) -> Deferred[Result]:
        """The answer to a request."""
        body = msgspec.json.encode({"model": "m", "max_tokens": 5, "messages": HELLO, **fields})
        checked = msgspec.json.decode(body, type=MessagesRequest)
        raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        call = json_call(Task.MESSAGES, checked, raw, body)

        async def answer() -> Result:
            chat = as_chat(deployment(), call)
            result = await self.ask(deployment(), chat.call)
            return await as_message(result, chat.asked, stream=call.stream)

        return Deferred.fromCoroutine(answer())

    def test_chat_call(self) -> None:
        """The chat that is asked, with what is the gateway's own."""
        result = self.successResultOf(
            self.answer(extra_headers={"X-A": "b", "Host": "x"}, mock_response="mm", system="s")
        )
        [(asked, call)] = self.asked
        self.assertEqual(asked.model, "upstream-m")
        self.assertIs(call.task, Task.CHAT)
        self.assertEqual((call.model, call.stream, call.mock_response), ("m", False, "mm"))
        self.assertEqual(call.extra_headers, ((b"X-A", b"b"),))
        self.assertEqual(
            json.loads(call.body_for("upstream-m")),
            {
                "model": "upstream-m",
                "messages": [{"role": "system", "content": "s"}, *HELLO],
                "max_tokens": 5,
            },
        )
        assert isinstance(result.body, bytes)
        self.assertEqual(json.loads(result.body)["content"], [{"type": "text", "text": "Hi"}])
        self.assertEqual((result.content_type, result.headers), (b"application/json", _HEADERS))

    def test_answer_in_pieces(self) -> None:
        """A whole answer that comes in pieces is awaited."""
        source = HandFed()
        self.result = Result(source)
        answer = self.answer()
        source.feed(_ANSWER[:10])
        source.feed(_ANSWER[10:])
        self.assertNoResult(answer)
        source.done.callback(None)
        body = self.successResultOf(answer).body
        assert isinstance(body, bytes)
        self.assertEqual(json.loads(body)["content"][0]["text"], "Hi")

    def test_answer_breaks_off(self) -> None:
        """One that breaks off is a 502; one that is cancelled ends its source."""
        source = HandFed()
        self.result = Result(source)
        answer = self.answer()
        source.done.errback(ConnectionBroken("closed"))
        error = self.failureResultOf(answer, GatewayError).value
        self.assertEqual((error.status, error.code), (502, "connection_broken"))

    def test_streams(self) -> None:
        """A stream at once, in pieces, and where there is none."""
        data = stream(chunk({"content": "Hi"}), chunk({}, "stop"))
        fed = HandFed()
        for body, content_type in (
            (data, EVENT_STREAM),
            (data, EVENT_STREAM + b"; charset=utf-8"),
            (fed, EVENT_STREAM),
            (_ANSWER, b"application/json"),
        ):
            with self.subTest((body, content_type)):
                self.result = Result(body, content_type, _HEADERS)
                result = self.successResultOf(self.answer(stream=True))
                self.assertEqual((result.content_type, result.headers), (EVENT_STREAM, _HEADERS))
                made = result.body
                if not isinstance(made, bytes):
                    consumer = RecordingConsumer()
                    done = made.startProducing(consumer)
                    fed.feed(data)
                    fed.done.callback(None)
                    self.successResultOf(done)
                    made = consumer.data
                events = events_of(made)
                self.assertEqual(blocks_of(events), [{"type": "text", "text": "Hi"}])
                self.assertEqual(events[-1]["type"], "message_stop")
                self.assertTrue(self.asked[-1][1].stream)

    def test_refused(self) -> None:
        """An error of the chat is the answer's; what cannot be asked is not."""
        self.result = GatewayError(429, "slow down")
        self.assertIs(self.failureResultOf(self.answer(), GatewayError).value, self.result)
        self.asked.clear()
        block = {"type": "image", "source": {"type": "file", "file_id": "f"}}
        answer = self.answer(messages=[{"role": "user", "content": [block]}])
        self.assertEqual(self.failureResultOf(answer, GatewayError).value.status, 400)
        self.assertEqual(self.asked, [])

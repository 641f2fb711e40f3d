"""The routes of the Messages API, in memory."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from tests.gateway.messages.examples import blocks_of, chunk, events_of, stream
from tests.gateway.routes_case import AUTHORIZED, KEY, MAX_BODY, MESSAGES_KEY, RoutesCase
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.kernel.units import Rate
from twisted_aigate.web.ratelimit import RateLimiter

_HELLO: dict[str, Any] = {
    "model": "m",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "x"}],
}
_ANSWER = Result(b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{}}')
_PATHS = [
    prefix + path + query
    for prefix in ("", "/v1")
    for path in ("/messages", "/messages/count_tokens")
    for query in ("", "?beta=true")
]


_KINDS = ("text", "image", "document", "search_result", "thinking", "tool_use", "tool_result", "x")
_NAMES = ("text", "source", "title", "content", "thinking", "id", "name", "input", "tool_use_id",
          "signature", "data", "media_type", "url", "description", "input_schema")  # fmt: skip
_scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


def _blocks(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4)
    kinds = st.sampled_from(_KINDS)
    return st.builds(lambda kind, more: {"type": kind, **more}, kinds, fields) | st.lists(inner)


_values = st.recursive(_scalars, _blocks, max_leaves=12)
_messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]),
         "content": st.text(max_size=5) | st.lists(_values, max_size=4)}
    ),
    max_size=3,
)  # fmt: skip


class MessagesRoutesTests(RoutesCase):
    """Parse, authorise, call, render."""

    def setUp(self) -> None:
        super().setUp()
        self.provider.answer = _ANSWER

    def sent(self) -> Any:
        """What the provider was last asked."""
        call = self.provider.calls[-1][1]
        assert isinstance(call, Call)
        return json.loads(call.body_for("m"))

    def test_message(self) -> None:
        """An answer, with both prefixes, with C{beta}, with the key in either header."""
        for path in ("/messages", "/v1/messages", "/v1/messages?beta=true", "/messages/"):
            for headers in (AUTHORIZED, {"x-api-key": KEY}):
                headers = {**headers, "X-Request-Id": "r-1"}
                response, answer = self.post(path, _HELLO, headers=headers)
                self.assertEqual(response.code, 200, path)
                self.assertEqual(answer["content"], [{"type": "text", "text": "Hi"}])
                self.assertEqual(answer["model"], "m")
                self.assertEqual(response.headers.getRawHeaders("Request-Id"), ["r-1"])
        self.assertEqual(
            self.sent(),
            {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]},
        )

    def test_stream(self) -> None:
        """A stream."""
        data = stream(chunk({"content": "Hi"}), chunk({}, "stop"))
        self.provider.answer = Result(data, EVENT_STREAM)
        response, body = self.post("/v1/messages", {**_HELLO, "stream": True})
        self.assertEqual(response.headers.getRawHeaders("content-type"), ["text/event-stream"])
        self.assertEqual(blocks_of(events_of(body)), [{"type": "text", "text": "Hi"}])

    def test_mock_response(self) -> None:
        """A mock answers in this API's form too, streamed and not, and its errors are errors."""
        _, answer = self.post("/v1/messages", {**_HELLO, "model": "mocked"})
        self.assertEqual(answer["content"], [{"type": "text", "text": "I am no model"}])
        self.assertEqual(answer["stop_reason"], "end_turn")
        _, body = self.post("/v1/messages", {**_HELLO, "mock_response": "own", "stream": True})
        events = events_of(body)
        self.assertEqual(blocks_of(events), [{"type": "text", "text": "own"}])
        self.assertGreater(events[-2]["usage"]["output_tokens"], 0)
        mocked = {**_HELLO, "mock_response": "litellm.RateLimitError"}
        response, answer = self.post("/v1/messages", mocked)
        self.assertEqual((response.code, answer["error"]["type"]), (429, "rate_limit_error"))
        self.assertEqual(self.provider.calls, [])

    def test_a_token_for_messages_opens_nothing_else(self) -> None:
        """Claude Code on our own models can ask them, and see nothing of the rest."""
        ours = {"Authorization": f"Bearer {MESSAGES_KEY}"}
        response, _ = self.post("/v1/messages", _HELLO, headers=ours)
        self.assertEqual(response.code, 200)
        for path in ("/v1/chat/completions", "/embeddings"):
            response, _ = self.post(path, _HELLO, headers=ours)
            self.assertEqual(response.code, 401, path)

    def test_count_tokens(self) -> None:
        """A figure that grows with the prompt, and no call; C{max_tokens} is not asked for."""
        counts = []
        for words in (1, 100):
            body = {"model": "m", "messages": [{"role": "user", "content": "word " * words}]}
            for path in ("/messages/count_tokens", "/v1/messages/count_tokens?beta=true"):
                response, answer = self.post(path, body)
                self.assertEqual((response.code, list(answer)), (200, ["input_tokens"]))
            counts.append(answer["input_tokens"])
        self.assertGreater(counts[1], counts[0] + 90)
        self.assertEqual(self.provider.calls, [])

    def error(self, response: Any, answer: Any, status: int, kind: str) -> str:
        """The message of an error in this API's form."""
        self.assertEqual((response.code, answer["error"]["type"]), (status, kind))
        self.assertEqual(set(answer), {"type", "error", "request_id"})
        self.assertEqual(answer["type"], "error")
        self.assertEqual(set(answer["error"]), {"type", "message"})
        [request_id] = response.headers.getRawHeaders("X-Request-Id")
        self.assertEqual(answer["request_id"], request_id)
        self.assertEqual(response.headers.getRawHeaders("Request-Id"), [request_id])
        return str(answer["error"]["message"])

    def test_errors_of_the_edge(self) -> None:
        """Key, method, path, size and JSON, on every path."""
        wrong = {"Authorization": "Bearer wrong"}
        for path in _PATHS:
            with self.subTest(path):
                self.error(*self.post(path, _HELLO, headers=wrong), 401, "authentication_error")
                response, answer = self.request("GET", path)
                self.error(response, answer, 405, "invalid_request_error")
                self.assertEqual(response.headers.getRawHeaders("Allow"), ["POST"])
                large = {**_HELLO, "x": "y" * MAX_BODY}
                self.error(*self.post(path, large), 413, "request_too_large")
                self.error(*self.request("POST", path, data=b"{"), 400, "invalid_request_error")
                self.error(*self.post(path, {**_HELLO, "model": "none"}), 404, "not_found_error")
        self.error(*self.request("GET", "/v1/messages/batches"), 404, "not_found_error")

    def test_other_paths(self) -> None:
        """Elsewhere errors have OpenAI's form."""
        for path in ("/v1/message", "/messagesx", "/v2/messages", "/chat/messages"):
            response, answer = self.request("GET", path)
            self.assertEqual((response.code, set(answer)), (404, {"error"}))
            self.assertIn("param", answer["error"])

    def test_wrong_requests(self) -> None:
        """A 400 that says where."""
        for change, said in (
            ({"max_tokens": None}, "max_tokens"),
            ({"messages": [{"role": "x", "content": "x"}]}, "messages[0].role"),
            ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0"),
            ({"extra_headers": {"a b": "c"}}, "extra_headers"),
        ):
            with self.subTest(change):
                body = {name: value for name, value in {**_HELLO, **change}.items() if value}
                answer = self.post("/v1/messages", body)
                self.assertIn(said, self.error(*answer, 400, "invalid_request_error"))

    @given(
        _messages,
        st.dictionaries(
            st.sampled_from(["system", "tools", "tool_choice", "thinking", "output_config",
                             "output_format", "metadata", "stop_sequences", "top_k"]),
            _values | st.lists(_values, max_size=3),
            max_size=2,
        ),
    )  # fmt: skip
    def test_whatever_comes(self, messages: Any, more: Any) -> None:
        """Whatever is asked is answered or refused as wrong, and is never a fault of ours."""
        request = {**_HELLO, "messages": [*messages, *_HELLO["messages"]], **more}
        response, answer = self.post("/v1/messages", request)
        if response.code != 200:
            self.error(response, answer, 400, "invalid_request_error")

    def test_nested_deeply(self) -> None:
        """However deep it is nested, it is answered or refused as wrong."""
        head = b'{"model":"m","max_tokens":5,"messages":[{"role":"user","content":'
        tool = b'"x"}],"tools":[{"name":"f","input_schema":'
        form = b'"x"}],"output_format":{"type":"json_schema","schema":'
        document = b'{"type":"document","source":{"type":"content","content":['
        for before, opening, inside, closing, after in (
            (tool, b'{"a":', b"{}", b"}", b"}]}"),
            (form, b'{"a":', b"{}", b"}", b"}}"),
            (b"[", document, b"", b"]}}", b"]}]}"),
        ):
            statuses = set()
            for depth in (*range(10, 400, 13), *range(400, 1000, 3)):
                body = head + before + opening * depth + inside + closing * depth + after
                for path in ("/messages", "/messages/count_tokens"):
                    response, answer = self.request("POST", path, data=body)
                    statuses.add(response.code)
                    if response.code != 200:
                        self.error(response, answer, 400, "invalid_request_error")
            self.assertEqual(statuses, {200, 400})

    def test_errors_of_the_gateway(self) -> None:
        """A provider's error keeps its status and Retry-After."""
        self.provider.answer = GatewayError(429, "slow down", retry_after=3)
        response, answer = self.post("/v1/messages", _HELLO)
        self.assertEqual(self.error(response, answer, 429, "rate_limit_error"), "slow down")
        self.assertEqual(response.headers.getRawHeaders("Retry-After"), ["3"])

    def test_unexpected_errors(self) -> None:
        """A fault of ours says nothing of itself."""
        self.provider.answer = ZeroDivisionError("secret detail")
        message = self.error(*self.post("/v1/messages", _HELLO), 500, "api_error")
        self.assertNotIn("secret", message)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class LimitedRoutesTests(RoutesCase):
    """With a rate limit."""

    def setUp(self) -> None:
        self.limiter = RateLimiter(Rate(1 / 60), 0, Clock())
        super().setUp()

    def test_rate_limit(self) -> None:
        """One request too many is refused in this API's form."""
        self.provider.answer = _ANSWER
        self.assertEqual(self.post("/v1/messages", _HELLO)[0].code, 200)
        response, answer = self.post("/v1/messages", _HELLO)
        self.assertEqual((response.code, answer["error"]["type"]), (429, "rate_limit_error"))
        self.assertTrue(response.headers.hasHeader("Retry-After"))

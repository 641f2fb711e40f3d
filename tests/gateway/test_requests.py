"""From requests to calls."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.calls import Call, Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.models import ChatRequest
from twisted_aigate.gateway.requests import forwarded_headers, json_call

_MESSAGES = [{"role": "user", "content": "x"}]
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def _call(**fields: object) -> Call:
    body = msgspec.json.encode({"model": "m", "messages": _MESSAGES, **fields})
    checked = msgspec.json.decode(body, type=ChatRequest)
    return json_call(Task.CHAT, checked, msgspec.json.decode(body, type=dict[str, msgspec.Raw]),
                     body)  # fmt: skip


class JSONCallTests(SynchronousTestCase):
    """What becomes of a body."""

    def test_untouched_body_is_passed_on(self) -> None:
        """When nothing changes, the provider gets the very bytes that came."""
        call = _call(seed=1)
        assert call.body is not None
        self.assertIs(call.body_for("m"), call.body)

    @given(st.dictionaries(st.text(min_size=1), _json))
    def test_only_the_model_changes(self, extra: dict[str, object]) -> None:
        """Every other field, known or not, keeps its value, and our own do not travel."""
        ours = {"model", "messages", *ChatRequest.__struct_fields__}
        fields = {name: value for name, value in extra.items() if name not in ours}
        call = _call(**fields, extra_headers={"X-A": "b"}, mock_response="x")
        sent = msgspec.json.decode(call.body_for("upstream"))
        self.assertEqual(sent, {"model": "upstream", "messages": _MESSAGES, **fields})

    def test_numbers_keep_their_text(self) -> None:
        """A number that a float cannot hold is not rounded on the way."""
        messages = msgspec.json.encode(_MESSAGES)
        body = b'{"model":"m","messages":%b,"x":1.10000000000000000001}' % messages
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        checked = msgspec.json.decode(body, type=ChatRequest)
        sent = json_call(Task.CHAT, checked, fields, body).body_for("other")
        self.assertIn(b"1.10000000000000000001", sent)


class ForwardedHeadersTests(SynchronousTestCase):
    """extra_headers."""

    def test_ours_are_left_out(self) -> None:
        """The key, the host and what belongs to the connection are never the caller's to say."""
        never = ("Authorization", "HOST", "connection", "Transfer-Encoding", "Keep-Alive", "TE",
                 "Content-Length", "Proxy-Authorization", "Upgrade", "Trailer",
                 "X-Api-Key", "api-key", "x-goog-api-key")  # fmt: skip
        headers = dict.fromkeys(never, "x") | {"X-Kept": " v "}
        self.assertEqual(forwarded_headers(headers), ((b"X-Kept", b"v"),))

    def test_no_header_can_be_smuggled(self) -> None:
        """Names and values that are no header field are refused."""
        for name, value in (
            ("X-A", "b\r\nX-B: c"), ("X-A\r\nX-B", "c"), ("X A", "b"), ("", "b"), ("X-A", "é"),
            ("X:A", "b"), ("X-A", "b\0"),
        ):  # fmt: skip
            with self.subTest((name, value)):
                error = self.assertRaises(GatewayError, forwarded_headers, {name: value})
                self.assertEqual((error.status, error.param), (400, "extra_headers"))

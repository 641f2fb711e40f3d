"""Errors that come as a stream's first event."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import chunk, stream
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.failures import Meaning, meaning_of
from twisted_aigate.gateway.routing.first_event import error_of, first_of


def _error(**fields: Any) -> GatewayError:
    error = error_of(json.dumps({"error": fields}).encode())
    assert error is not None
    return error


class FirstEventTests(SynchronousTestCase):
    """Which are errors, and which."""

    def test_first(self) -> None:
        """The first event's data: behind comments, and without its end."""
        one = chunk({"content": "x"})
        for data, expected in (
            (stream(one), one),
            (b": PROCESSING\n\n" + stream(one), one),
            (b"event: error\ndata: {}\n\n", b"{}"),
            (b"data: {}", b"{}"),
            (b"data: {}\r\n", b"{}"),
            (b": only a comment\n\n", None),
            (b"", None),
        ):
            self.assertEqual(first_of(data), expected, data)
        self.assertEqual(len(first_of(b"data: " + b"x" * 20_000_000) or b""), 64 * 1024 - 6)

    def test_answers(self) -> None:
        """What is no error, though it may speak of one."""
        for data in (
            chunk({"content": "x"}),
            chunk({"content": '{"error": {"message": "x"}}'}),
            b'{"choices": [], "error": null}',
            b"[DONE]",
            b'not "error" JSON',
            b'["error"]',
            b'{"error": 7}',
            b"",
        ):
            self.assertIsNone(error_of(data), data)

    def test_statuses(self) -> None:
        """The status that the error would have had."""
        for fields, status, meaning in (
            ({"code": 429}, 429, Meaning.RETRY),
            ({"code": "503"}, 503, Meaning.RETRY),
            ({"code": 200}, 502, Meaning.RETRY),
            ({"code": 7}, 502, Meaning.RETRY),
            ({}, 502, Meaning.RETRY),
            ({"type": "server_error"}, 502, Meaning.RETRY),
            ({"type": "overloaded_error"}, 529, Meaning.RETRY),
            ({"type": "tokens", "code": "rate_limit_exceeded"}, 429, Meaning.RETRY),
            ({"type": "rate_limit_error"}, 429, Meaning.RETRY),
            ({"code": "invalid_api_key"}, 401, Meaning.ELSEWHERE),
            ({"type": "not_found_error"}, 404, Meaning.ELSEWHERE),
            ({"code": "context_length_exceeded"}, 400, Meaning.CONTEXT_WINDOW),
            ({"code": "content_filter"}, 400, Meaning.CONTENT_POLICY),
            ({"type": "invalid_request_error", "code": "x"}, 400, Meaning.FINAL),
            ({"type": "invalid_request_error", "message": "prompt is too long: 2 > 1"}, 400,
             Meaning.CONTEXT_WINDOW),
        ):  # fmt: skip
            with self.subTest(fields):
                error = _error(**fields)
                self.assertEqual(error.status, status)
                self.assertIs(meaning_of(error), meaning)

    def test_an_event_that_is_one(self) -> None:
        """The Responses API has an error's fields in the event itself."""
        told = {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": "p"}
        error = error_of(json.dumps(told).encode())
        assert error is not None
        self.assertEqual((error.status, error.code), (429, "rate_limit_exceeded"))
        self.assertEqual((error.message, error.param), ("slow", "p"))
        begun = {"type": "response.created", "response": {"error": None}, "code": "error"}
        self.assertIsNone(error_of(json.dumps(begun).encode()))

    def test_words(self) -> None:
        """Its message, field and code are kept."""
        error = _error(message="Too long", param="messages", code="context_length_exceeded")
        self.assertEqual(
            (error.message, error.param, error.code),
            ("Too long", "messages", "context_length_exceeded"),
        )
        plain = error_of(b'{"error":"model requires more system memory"}')
        assert plain is not None
        self.assertEqual((plain.status, plain.message), (502, "model requires more system memory"))
        self.assertIsNone(_error(code=500).code)

    def test_beside_a_chunk(self) -> None:
        """Some send it in the form of a chunk."""
        data = {"id": "x", "choices": [{"finish_reason": "error"}], "error": {"code": 502}}
        error = error_of(json.dumps(data).encode())
        assert error is not None
        self.assertEqual(error.status, 502)

    def test_nothing(self) -> None:
        """A stream without any event is no answer."""
        error = error_of(None)
        assert error is not None
        self.assertEqual((error.status, error.code), (502, "empty_answer"))

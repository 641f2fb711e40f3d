"""Errors in the Messages API's words."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.messages.errors import error_fields, error_object, type_of


class ErrorTests(SynchronousTestCase):
    """Types and objects."""

    def test_types(self) -> None:
        """Each status has its type."""
        for status, kind in (
            (400, "invalid_request_error"), (401, "authentication_error"), (402, "billing_error"),
            (403, "permission_error"), (404, "not_found_error"), (405, "invalid_request_error"),
            (408, "invalid_request_error"), (413, "request_too_large"), (429, "rate_limit_error"),
            (500, "api_error"), (502, "api_error"), (504, "timeout_error"),
            (529, "overloaded_error"),
        ):  # fmt: skip
            with self.subTest(status):
                self.assertEqual(type_of(status), kind)

    def test_object(self) -> None:
        """The whole of it."""
        self.assertEqual(
            json.loads(error_object(404, "no such model", "model_not_found", "r1")),
            {
                "type": "error",
                "error": {"type": "not_found_error", "message": "no such model"},
                "request_id": "r1",
            },
        )

    def test_too_long(self) -> None:
        """The words by which clients know that they must shorten the conversation."""
        error = error_fields("invalid_request_error", "5 of 4 tokens", "context_length_exceeded")
        self.assertEqual(error["message"], "prompt is too long: 5 of 4 tokens")

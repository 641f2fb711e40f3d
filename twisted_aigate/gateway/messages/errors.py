"""
Errors as the Messages API words them.

Source: https://docs.anthropic.com/en/api/errors
"""

from __future__ import annotations

from typing import Any

import msgspec

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES = {kind: status for status, kind in _TYPES.items()} | {
    "invalid_request_error": 400,
    "api_error": 500,
}
_KNOWN = frozenset((*_TYPES.values(), "invalid_request_error", "api_error"))

_TOO_LONG = "prompt is too long: "
"""How clients know this error: the API has no code for it."""


def type_of(status: int) -> str:
    """The error's type for an HTTP status."""
    return _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")


def status_of(kind: str) -> int:
    """The HTTP status of an error's type, for an error that comes when the status has gone out."""
    return _STATUSES.get(kind, 500)


def error_fields(kind: str | None, message: str, code: object = None) -> dict[str, Any]:
    """
    The error of an error object.

    @param kind: Its type; one that the API does not have becomes C{api_error}.
    @param code: OpenAI's code for it.
    """
    if code == "context_length_exceeded":
        message = _TOO_LONG + message
    return {"type": kind if kind in _KNOWN else "api_error", "message": message}


def error_object(status: int, message: str, code: str | None, request_id: str) -> bytes:
    """An error object as JSON."""
    error = error_fields(type_of(status), message, code)
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})

"""
OpenAI's error object.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import msgspec

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_type(status: int) -> str:
    """OpenAI's name for the kind of error that an HTTP status is."""
    return _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")


def openai_error(status: int, message: str, code: str | None = None) -> bytes:
    """
    An error's body.

    @param status: The HTTP status that it goes with.
    @param code: A machine-readable name, if there is one.
    """
    return error_object(message, error_type(status), code)


def error_object(message: str, kind: str, code: str | None = None) -> bytes:
    """
    The error object, in one line.

    @param kind: Its C{type}.
    """
    return msgspec.json.encode(
        {"error": {"message": message, "type": kind, "param": None, "code": code}}
    )

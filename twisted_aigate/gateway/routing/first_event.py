"""What a stream of events begins with: some providers refuse a call after they have said 200."""

from __future__ import annotations

import msgspec

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.failures import CONTENT_CODES, CONTEXT_CODES
from twisted_aigate.gateway.sse import EventParser
from twisted_aigate.kernel.units import KB

_MOST = 64 * KB

_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
}
"""By the names, C{type} or C{code}, that the APIs of OpenAI and Anthropic have for them."""


class _Error(msgspec.Struct):
    message: str | None = None
    param: str | None = None
    code: str | int | None = None
    type: str | None = None


class _Event(_Error):
    # The Responses API has an error's fields in the event itself, whose type says so.
    error: _Error | str | None = None


_decoder = msgspec.json.Decoder(_Event)


def first_of(stream: bytes) -> bytes | None:
    """The data of the first event of a stream that is all there, if it has one."""
    # The last event may lack its end. What is larger than this is no error.
    beginning = stream[:_MOST] + b"\n\n"
    return next((each for each in EventParser().feed(beginning) if each is not None), None)


def error_of(event: bytes | None) -> GatewayError | None:
    """
    The error that an event tells.

    @param event: Its data; a stream without any event is an error too.
    """
    if event is None:
        return GatewayError(502, "The provider's answer is empty.", code="empty_answer")
    if b'"error"' not in event:
        return None
    try:
        told = _decoder.decode(event)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    error = told if told.error is None and told.type == "error" else told.error
    if error is None:
        return None
    if isinstance(error, str):
        error = _Error(error)
    code = error.code if isinstance(error.code, str) else None
    message = error.message or "The provider refused the call."
    return GatewayError(_status_of(error), message, param=error.param, code=code)


def _status_of(error: _Error) -> int:
    if isinstance(error.code, str) and error.code.isdecimal():
        error.code = int(error.code)
    if isinstance(error.code, int):
        return error.code if 400 <= error.code < 600 else 502
    if error.code in CONTEXT_CODES or error.code in CONTENT_CODES:
        return 400
    return _STATUSES.get(error.code or "") or _STATUSES.get(error.type or "", 502)

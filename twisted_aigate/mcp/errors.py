"""
What is refused, as JSON-RPC words it.

Source: https://www.jsonrpc.org/specification#error_object
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022
CANCELLED = -32800
"""The code of the answer to a request that its sender has cancelled; the official SDK's own."""

STATUSES = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""The HTTP status of a POST that is refused with a code."""


class NoSession(Exception):
    """There is no such session, or not for this caller."""


class TooManySessions(Exception):
    """There are as many sessions as there may be, and all of them are in use."""


class MCPError(Exception):
    """
    A JSON-RPC error.

    @ivar code: Its code.
    @ivar message: What is wrong, for the one who sent the request.
    @ivar data: More about it.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.data = data

    def told(self) -> dict[str, Any]:
        """It as the protocol's object."""
        told: dict[str, Any] = {"code": self.code, "message": self.message}
        return told if self.data is None else {**told, "data": self.data}


def invalid_request(message: str) -> MCPError:
    """The refusal of what is no message."""
    return MCPError(INVALID_REQUEST, message)


def invalid_params(message: str) -> MCPError:
    """The refusal of a request whose parameters are wrong."""
    return MCPError(INVALID_PARAMS, message)


def wrong_params(error: ValidationError) -> MCPError:
    """The refusal of parameters that are not of the protocol's shape."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return invalid_params(f"{where}: {first['msg']}")


def method_not_found(method: str) -> MCPError:
    """The refusal of a method that there is not, or not in this revision."""
    return MCPError(METHOD_NOT_FOUND, f"Method not found: {method}")


def cannot(capability: str) -> MCPError:
    """A client cannot be asked what it has not said that it can."""
    required: dict[str, Any] = {"requiredCapabilities": {capability: {}}}
    message = f"The client does not support {capability}."
    return MCPError(MISSING_CAPABILITY, message, required)


def unexpected() -> MCPError:
    """Something failed that no client may see."""
    return MCPError(INTERNAL_ERROR, "Internal error")

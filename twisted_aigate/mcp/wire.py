"""Messages as they travel: JSON-RPC 2.0 in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from twisted_aigate.mcp.errors import PARSE_ERROR, MCPError

RequestId: TypeAlias = str | int


def decode(text: bytes | str) -> Any:
    """
    JSON as a value.

    @raise MCPError: It is none.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MCPError(PARSE_ERROR, f"Parse error: {error}") from None


def encode(value: Any) -> bytes:
    """A value as JSON, on one line."""
    return msgspec.json.encode(value)


def request(id: RequestId, method: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """A request."""
    return {**notification(method, params), "id": id}


def notification(method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A notification."""
    sent: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    return sent if params is None else {**sent, "params": params}


def result(id: RequestId, value: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request."""
    return {"jsonrpc": "2.0", "id": id, "result": value}


def refusal(id: RequestId | None, error: MCPError) -> dict[str, Any]:
    """The answer to a request that is refused; C{None}: whose id is not known."""
    return {"jsonrpc": "2.0", "id": id, "error": error.told()}

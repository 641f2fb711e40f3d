"""JSON-RPC messages: taken apart, and put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from mcp_types.jsonrpc import (
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from pydantic import BaseModel, ValidationError

from twisted_aigate.mcp.errors import MCPError, invalid_request

Message: TypeAlias = JSONRPCRequest | JSONRPCNotification | JSONRPCResponse | JSONRPCError


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


def parse(value: Any) -> Message:
    """
    A value as a message.

    @raise MCPError: It is none.
    """
    if not isinstance(value, dict):
        raise invalid_request("A message is a JSON object")
    kind: type[Message]
    if "method" in value:
        # A request with a wrong id must not pass for a notification: it is owed an answer.
        kind = JSONRPCRequest if "id" in value else JSONRPCNotification
    else:
        kind = JSONRPCError if "error" in value else JSONRPCResponse
    try:
        return kind.model_validate(value)
    except ValidationError:
        raise invalid_request("This is no JSON-RPC 2.0 message") from None


def plain(model: BaseModel) -> dict[str, Any]:
    """A model of the protocol as it is sent."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


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

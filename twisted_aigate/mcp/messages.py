"""Messages by the official models."""

from __future__ import annotations

from typing import Any, TypeAlias

from mcp_types.jsonrpc import (
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import BaseModel, ValidationError

from twisted_aigate.mcp.errors import invalid_request

Message: TypeAlias = JSONRPCRequest | JSONRPCNotification | JSONRPCResponse | JSONRPCError


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

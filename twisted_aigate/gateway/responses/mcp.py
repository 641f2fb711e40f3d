"""The items that tell of tools which were run here, and of the functions that the model called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted_aigate.kernel.identifiers import new_id

LISTED, CALLED = "mcp_list_tools", "mcp_call"


def list_item(label: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    """The item that tells which tools there are."""
    return {
        "id": f"mcpl_{new_id()}",
        "type": LISTED,
        "server_label": label,
        "tools": tools,
        "error": None,
    }


def call_item(label: str, name: str) -> dict[str, Any]:
    """The item that tells of a call that begins."""
    return {
        "id": f"mcp_{new_id()}",
        "type": CALLED,
        "status": "in_progress",
        "approval_request_id": None,
        "server_label": label,
        "name": name,
        "arguments": "",
        "output": None,
        "error": None,
    }


def failure(message: str) -> dict[str, Any]:
    """What is wrong with a call, as its item has it."""
    content = [{"type": "text", "text": message}]
    return {"type": "mcp_tool_execution_error", "content": content}


def unfolded(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """
    An item as who runs no tools knows it: a call is one of a function, and its result.

    @param item: Any item; others are as they were.
    """
    kind = item.get("type")
    if kind == CALLED:
        call_id = item.get("id")
        error = _said(item.get("error"))
        output = f"Error: {error}" if error else item.get("output") or "Done."
        called = {"name": item.get("name"), "arguments": item.get("arguments") or "{}"}
        yield {"type": "function_call", "call_id": call_id, **called}
        yield {"type": "function_call_output", "call_id": call_id, "output": output}
    elif kind != LISTED:
        yield item


def _said(error: Any) -> str:
    match error:
        case {"content": [{"text": str(text)}, *_]} | {"message": str(text)} | str(text):
            return text
    return ""

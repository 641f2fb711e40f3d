"""Asking the gateway in this process, as a client of its would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted_aigate.interfaces import Posts, ToolContext, ToolError
from twisted_aigate.kernel.collector import Collector
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.mcp.errors import MCPError
from twisted_aigate.mcp.wire import decode, encode

_CLIENT = "127.0.0.1"


async def ask(posts: Posts, path: str, fields: Mapping[str, Any], context: ToolContext) -> bytes:
    """
    Post to the gateway with the key of who calls, whose limits and budget count.

    @param path: Of OpenAI's API.
    @param fields: The request's; those that are C{None} are left out.
    @return: The answer.
    @raise ToolError: There is none.
    """
    body = encode({name: value for name, value in fields.items() if value is not None})

    async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
        write(body)

    status = 0

    def begin(given: int, headers: object) -> None:
        nonlocal status
        status = given

    answer = Collector()
    token = context.caller.token or b""
    whole = await posts.post(
        path.encode("ascii"),
        ((b"authorization", b"Bearer " + token), (b"content-type", b"application/json")),
        _CLIENT,
        CoroutineProducer(len(body), produce),
        begin,
        answer,
    )
    text = b"".join(answer.parts)
    if status != 200:
        raise ToolError(_reason(text) or f"The gateway answers {status}.")
    if not whole:
        raise ToolError("The answer was cut off.")
    return text


def _reason(text: bytes) -> str | None:
    try:
        told = decode(text)["error"]["message"]
    except (MCPError, KeyError, TypeError):
        return None
    return str(told)

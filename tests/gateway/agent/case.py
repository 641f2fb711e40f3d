"""A model that plays a script and three tools, behind both APIs, in memory."""

from __future__ import annotations

import json
from typing import Any

from tests.gateway.messages.examples import call, chunk, events_of, stream
from tests.gateway.responses.examples import checked, checked_events
from tests.gateway.routes_case import RoutesCase
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.interfaces import ToolResult, ToolSpec

MCP = {"type": "mcp", "server_label": "ours", "server_url": "litellm_proxy"}
HELLO = [{"role": "user", "content": "Hello"}]
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
WEATHER = {"name": "weather", "parameters": {"type": "object"}}

_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def text(said: str, *, is_error: bool = False) -> ToolResult:
    """A result that is text."""
    return ToolResult([{"type": "text", "text": said}], is_error=is_error)


def turn(said: str = "", *calls: tuple[str, Any], reason: str | None = None) -> Result:
    """A whole turn: what the model says, and what it calls."""
    message: dict[str, Any] = {"role": "assistant", "content": said or None}
    if calls:
        message["tool_calls"] = [
            {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(calls)
        ]
    reason = reason or ("tool_calls" if calls else "stop")
    choice = {"index": 0, "message": message, "finish_reason": reason}
    answer = {"id": "x", "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return Result(json.dumps(answer).encode())


def streamed(said: str = "", *calls: tuple[str, str], reason: str | None = None) -> Result:
    """The same in pieces."""
    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"content": letter}) for letter in said]
    for n, (name, arguments) in enumerate(calls):
        chunks.append(chunk(call(n, "", id=f"c{n}", name=name)))
        chunks += [chunk(call(n, half)) for half in (arguments[:1], arguments[1:])]
    chunks.append(chunk({}, reason or ("tool_calls" if calls else "stop")))
    usage = {"object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    return Result(stream(*chunks, json.dumps(usage).encode()), EVENT_STREAM)


class AgentCase(RoutesCase):
    """Tools of two servers."""

    def setUp(self) -> None:
        super().setUp()
        self.tools.specs = [
            ToolSpec(
                "maps-find", "Finds a city", _SCHEMA, more={"annotations": {"readOnlyHint": True}}
            ),
            ToolSpec("maps-draw.it", "Draws a city", _SCHEMA),
            ToolSpec("mail-send", "Sends", {"type": "object"}),
        ]
        self.tools.answers = {
            "maps-find": text("found"),
            "maps-draw.it": text("drawn"),
            "mail-send": text("sent"),
        }

    def script(self, *turns: Any) -> None:
        """What the model answers, turn by turn."""
        self.provider.script.extend(turns)

    def asked(self, number: int = -1) -> dict[str, Any]:
        """What the model was asked in a turn."""
        made = self.provider.calls[number][1]
        assert isinstance(made, Call)
        return {name: json.loads(bytes(value)) for name, value in made.fields.items()}

    def offered(self, number: int = -1) -> list[str]:
        """The functions that it was told of."""
        return [tool["function"]["name"] for tool in self.asked(number).get("tools", ())]

    def chat(self, status: int = 200, **fields: Any) -> Any:
        """The answer to a chat."""
        given = {"model": "m", "messages": HELLO, "tools": [MCP], **fields}
        response, answer = self.post("/v1/chat/completions", given)
        self.assertEqual(response.code, status, answer)
        return answer

    def chunks(self, **fields: Any) -> list[dict[str, Any]]:
        """The chunks of a streamed one, less comments."""
        body = self.chat(stream=True, **fields).decode()
        *events, done = [each for each in body.split("\n\n")[:-1] if not each.startswith(":")]
        self.assertEqual(done, "data: [DONE]")
        return [json.loads(each.removeprefix("data: ")) for each in events]

    def response(self, status: int = 200, **fields: Any) -> Any:
        """A response."""
        given = {"model": "m", "input": "Hello", "tools": [MCP], **fields}
        response, answer = self.post("/v1/responses", given)
        self.assertEqual(response.code, status, answer)
        return checked(answer) if status == 200 and not fields.get("stream") else answer

    def events(self, **fields: Any) -> list[dict[str, Any]]:
        """The events of a streamed one."""
        return checked_events(events_of(self.response(stream=True, **fields)))

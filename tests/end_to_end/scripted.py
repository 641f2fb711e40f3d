"""A provider of chats that plays a script, and refuses what OpenAI's own API would refuse."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from tests.end_to_end.provider import API_KEY
from tests.support.loopback import Handler, LoopbackServer

_FIELDS = frozenset(
    ("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
     "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "user",
     "response_format", "reasoning_effort")
)  # fmt: skip
_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 100},
}


@frozen
class Turn:
    """
    What is answered to one request.

    @ivar calls: (name, arguments) of each call of a tool.
    @ivar mixed: The calls' pieces come by turns when they are streamed.
    @ivar breaks: The connection is closed before the end.
    """

    text: str = ""
    thought: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    mixed: bool = False
    finish: str | None = None
    breaks: bool = False

    @property
    def reason(self) -> str:
        """Why the model stops."""
        return self.finish or ("tool_calls" if self.calls else "stop")

    def message(self) -> dict[str, Any]:
        """The whole of it."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.thought:
            message["reasoning_content"] = self.thought
        if self.calls:
            message["tool_calls"] = [
                {
                    "id": f"call_{index}",
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments)},
                }
                for index, (name, arguments) in enumerate(self.calls)
            ]
        return message

    def deltas(self) -> Iterator[dict[str, Any]]:
        """The same in small pieces."""
        yield {"role": "assistant", "content": ""}
        for field, text in (("reasoning_content", self.thought), ("content", self.text)):
            for piece in _pieces(text):
                yield {field: piece}
        queues = []
        for index, (name, arguments) in enumerate(self.calls):
            head = {"id": f"call_{index}", "type": "function"}
            pieces = deque([_call(index, "", name=name, **head)])
            pieces += (_call(index, piece) for piece in _pieces(json.dumps(arguments)))
            queues.append(pieces)
        while any(queues):
            for queue in queues:
                while queue:
                    yield queue.popleft()
                    if self.mixed:
                        break


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + 5] for start in range(0, len(text), 5))


def _call(index: int, arguments: str, name: str | None = None, **head: str) -> dict[str, Any]:
    function = {"arguments": arguments, **({} if name is None else {"name": name})}
    return {"tool_calls": [{"index": index, **head, "function": function}]}


class ScriptedProvider(LoopbackServer):
    """
    The provider.

    @ivar script: What is answered, turn by turn.
    @ivar requests: The bodies that it was sent.
    @ivar headers: The header fields that came with them, in lower case.
    @ivar gone: Set when a client left in the middle of an answer.
    @ivar endless: Streams go on until the client leaves.
    """

    def __init__(self) -> None:
        self.script: deque[Turn] = deque()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.gone = threading.Event()
        self.endless = False
        super().__init__(_Handler)

    @property
    def base(self) -> str:
        """Its C{api_base}."""
        return f"{self.url}/v1"


class _Handler(Handler):
    owner: ScriptedProvider

    def do_POST(self) -> None:
        body, fields = json.loads(self.body()), self.fields()
        wrong = _wrong(body)
        if fields.get("authorization") != f"Bearer {API_KEY}":
            self.send_json(401, {"error": {"message": "Incorrect API key"}})
        elif self.path != "/v1/chat/completions" or wrong:
            self.send_json(
                400, {"error": {"message": f"the provider refuses: {wrong or self.path}"}}
            )
        elif not self.owner.script:
            self.send_json(500, {"error": {"message": "the script is over"}})
        else:
            self.owner.requests.append(body)
            self.owner.headers.append(fields)
            turn = self.owner.script.popleft()
            self._stream(turn, body) if body.get("stream") else self._answer(turn)

    def _answer(self, turn: Turn) -> None:
        choice = {"index": 0, "message": turn.message(), "finish_reason": turn.reason}
        self.send_json(200, {"object": "chat.completion", "choices": [choice], "usage": _USAGE})

    def _stream(self, turn: Turn, body: dict[str, Any]) -> None:
        self.begin_events()
        try:
            for delta in turn.deltas():
                self._choices([{"index": 0, "delta": delta, "finish_reason": None}])
            while self.owner.endless:
                self._choices([{"index": 0, "delta": {"content": "more " * 1000}}])
            if turn.breaks:
                self.close_connection = True
                return
            self._choices([{"index": 0, "delta": {}, "finish_reason": turn.reason}])
            if body.get("stream_options", {}).get("include_usage"):
                self._choices([], usage=_USAGE)
            self.chunk(b"data: [DONE]\n\n")
            self.chunk(b"")
        except OSError:
            self.owner.gone.set()
            self.close_connection = True

    def _choices(self, choices: list[Any], **more: Any) -> None:
        value = {"object": "chat.completion.chunk", "choices": choices, **more}
        self.chunk(b"data: " + json.dumps(value).encode() + b"\n\n")


def _wrong(body: dict[str, Any]) -> str | None:
    """What OpenAI's API would refuse."""
    unknown = set(body) - _FIELDS
    if unknown:
        return f"unknown fields {sorted(unknown)}"
    if "stream_options" in body and not body.get("stream"):
        return "stream_options without stream"
    if "tool_choice" in body and not body.get("tools"):
        return "tool_choice without tools"
    if len(body.get("user", "")) > 64:
        return "user is too long"
    for tool in body.get("tools", ()):
        if set(tool) != {"type", "function"} or len(tool["function"]["name"]) > 64:
            return f"the tool {tool}"
    return _wrong_messages(body["messages"])


def _wrong_messages(messages: list[dict[str, Any]]) -> str | None:
    open_calls: list[str] = []
    for message in messages:
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in open_calls or not isinstance(message["content"], str):
                return f"a tool's result {message}"
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            return f"no results for {open_calls}"
        elif not message.get("content") and not message.get("tool_calls"):
            return "an empty message"
        open_calls += [call["id"] for call in message.get("tool_calls", ())]
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part["type"] not in ("text", "image_url"):
                return f"the part {part}"
    return f"no results for {open_calls}" if open_calls else None

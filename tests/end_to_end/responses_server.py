"""OpenAI's own Responses API on loopback, and Azure's: checks what it is sent, and keeps it."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from tests.end_to_end.provider import API_KEY
from tests.support.loopback import Handler, LoopbackServer
from tests.support.vendor_types import problems

_PATH = re.compile(
    r"(?:/v1|/openai)/responses(?:/(?P<id>\w+)(?P<of>/input_items|/cancel)?)?(?:\?(?P<query>.*))?"
)
_ENVELOPE = {
    "object": "response",
    "created_at": 1,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "odd": 1.50,
}


class FakeResponses(LoopbackServer):
    """
    The server.

    @ivar problems: What it was sent that the API would refuse.
    @ivar requests: What it was sent: method, path with query, and body.
    @ivar kept: The responses that it keeps, by their ids.
    @ivar streamed: The bytes of the newest stream.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self.requests: list[tuple[str, str, Any]] = []
        self.kept: dict[str, dict[str, Any]] = {}
        self.streamed = b""
        self.numbers = itertools.count(1)
        super().__init__(_Handler)

    def response(self, body: dict[str, Any]) -> dict[str, Any]:
        """The response to a request."""
        item = {
            "id": f"msg_{self.name}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": f"I am {self.name}.", "annotations": []}],
        }
        usage = {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 4,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 7,
        }
        made = {
            **_ENVELOPE,
            "id": f"resp_{self.name}{next(self.numbers)}",
            "model": f"{body['model']}-2026",
            "status": "completed",
            "output": [item],
            "previous_response_id": body.get("previous_response_id"),
            "usage": usage,
        }
        if body.get("store", True):
            self.kept[made["id"]] = made
        return made


class _Handler(Handler):
    owner: FakeResponses

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        fake, raw = self.owner, self.body()
        body = json.loads(raw) if raw else None
        fake.requests.append((self.command, self.path, body))
        path = _PATH.fullmatch(self.path)
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if path is None:
            self.send_json(404, {"error": {"message": f"no {self.path}"}})
        elif API_KEY not in (key, self.headers.get("api-key")):
            self.send_json(401, {"error": {"message": "Incorrect API key"}})
        elif path["id"] is None:
            self._create(body)
        elif path["id"] not in fake.kept:
            self.send_json(404, {"error": {"message": f"no {path['id']}"}})
        else:
            self._kept(fake.kept[path["id"]], path["of"])

    def _create(self, body: dict[str, Any]) -> None:
        fake = self.owner
        streams = bool(body.get("stream"))
        kind = ResponseCreateParamsStreaming if streams else ResponseCreateParamsNonStreaming
        wrong = problems(body, kind)
        previous = body.get("previous_response_id")
        if wrong:
            fake.problems += wrong
            self.send_json(400, {"error": {"message": "; ".join(wrong)}})
        elif previous is not None and previous not in fake.kept:
            self.send_json(404, {"error": {"message": f"no {previous}"}})
        elif body["model"].startswith("status-"):
            self.send_json(
                int(body["model"].removeprefix("status-")), {"error": {"message": "asked"}}
            )
        elif streams:
            self._stream(fake.response(body), breaks=body["model"] == "breaks")
        else:
            self.send_json(200, fake.response(body))

    def _kept(self, response: dict[str, Any], of: str | None) -> None:
        if self.command == "DELETE":
            del self.owner.kept[response["id"]]
            self.send_json(200, {"id": response["id"], "object": "response", "deleted": True})
        elif of == "/input_items":
            item = {"id": "msg_in", "type": "message", "role": "user", "content": []}
            page = {"object": "list", "data": [item], "first_id": "msg_in", "last_id": "msg_in"}
            self.send_json(200, {**page, "has_more": False})
        elif of == "/cancel":
            self.send_json(200, {**response, "status": "cancelled"})
        else:
            self.send_json(200, response)

    def _stream(self, response: dict[str, Any], *, breaks: bool) -> None:
        [item] = response["output"]
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        text = item["content"][0]["text"]
        begun = {**response, "status": "in_progress", "output": []}
        events = [
            {"type": "response.created", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        ]
        data = b"".join(
            b"event: %b\ndata: %b\n\n"
            % (event["type"].encode(), json.dumps({"sequence_number": number, **event}).encode())
            for number, event in enumerate(events[:3] if breaks else events)
        )
        self.owner.streamed = data
        self.begin_events("text/event-stream; charset=utf-8")
        self.chunk(data)
        if breaks:
            self.close_connection = True
        else:
            self.chunk(b"")

"""
Anthropic's Messages API on loopback, for the real Claude Code CLI: checks what it is sent, and
answers by a script.

C{python -m tests.end_to_end.anthropic_server --port 8901} serves what no script is for, with any
key, so that Claude Code can be tried without one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from collections import deque
from typing import Any

from attrs import frozen

from tests.end_to_end.anthropic_messages import default_step, problems_of, prompts, tool_names
from tests.end_to_end.anthropic_steps import Always, Step
from tests.support.loopback import Handler, LoopbackServer

ANTHROPIC_KEY = "sk-ant-end-to-end-0123456789"

# What every answer is said to have cost.
USAGE = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 5,
    "output_tokens": 20,
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
_PATHS = ("/v1/messages?beta=true", "/v1/messages")


@frozen
class Received:
    """
    A request.

    @ivar fields: Its header fields, names in lower case.
    @ivar marker: That of the script that answered it; C{None}: it had none.
    @ivar at: When it came, as L{time.monotonic} has it.
    """

    path: str
    fields: dict[str, str]
    body: dict[str, Any]
    marker: str | None
    at: float


class ScriptedAnthropic(LoopbackServer):
    """
    The server.

    Each script is for the conversations whose newest marked prompt has its marker: it answers
    their requests step by step, retries too. Any number of conversations may go on at once.

    @param key: What must come in C{x-api-key}, or as bearer; C{None}: anything.
    @ivar requests: What it was sent and took for right, in order.
    @ivar problems: What it was sent that the API would refuse, or that no step was left for.
    @ivar gone: Set when a client left before its answer was whole.
    """

    def __init__(self, key: str | None = ANTHROPIC_KEY, port: int = 0) -> None:
        self.key = key
        self.requests: list[Received] = []
        self.problems: list[str] = []
        self.gone = threading.Event()
        self._scripts: dict[str, deque[Step]] = {}
        self._changed = threading.Condition()
        super().__init__(_Handler, port)

    def script(self, marker: str, *steps: Step) -> None:
        """Answer the conversation whose prompt has C{marker} in it by these steps, in order."""
        with self._changed:
            self._scripts.setdefault(marker, deque()).extend(steps)

    def received(self, marker: str) -> list[Received]:
        """The requests that the script of that marker answered."""
        with self._changed:
            return [request for request in self.requests if request.marker == marker]

    def wait_for(self, marker: str, count: int = 1, seconds: float = 30.0) -> list[Received]:
        """Wait until the script of that marker has answered, or begun to, C{count} requests."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while sum(request.marker == marker for request in self.requests) < count:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"not {count} requests for {marker!r}: {self.problems}")
        return self.received(marker)

    def stop(self) -> None:
        """
        Stop it, and whatever it holds.

        @raise AssertionError: There were problems.
        """
        super().stop()
        assert not self.problems, self.problems

    def complain(self, problem: str) -> None:
        """Keep a problem."""
        with self._changed:
            self.problems.append(problem)

    def take(self, path: str, fields: dict[str, str], body: dict[str, Any]) -> Step | None:
        """Keep a request; the step that answers it, C{None} when its script is over."""
        with self._changed:
            marker = self._marker(body)
            self.requests.append(Received(path, fields, body, marker, time.monotonic()))
            self._changed.notify_all()
            if marker is None:
                return default_step(body)
            steps = self._scripts[marker]
            if not steps:
                return None
            return steps[0] if isinstance(steps[0], Always) else steps.popleft()

    def _marker(self, body: dict[str, Any]) -> str | None:
        for prompt in reversed(prompts(body)):
            found = [marker for marker in self._scripts if marker in prompt]
            if found:
                return max(found, key=len)  # of "job 1" and "job 12" the second
        return None


class _Handler(Handler):
    owner: ScriptedAnthropic

    def do_HEAD(self) -> None:
        self.send(200, b"")  # the CLI opens a connection ahead with it

    def do_GET(self) -> None:
        self._wrong(404, f"GET {self.path} is not Claude Code's to ask")

    def do_POST(self) -> None:
        raw, fields = self.body(), self.fields()
        if self.path not in _PATHS:
            self._wrong(404, f"POST {self.path} is not Claude Code's to ask")
            return
        given = fields.get("x-api-key") or fields.get("authorization", "").removeprefix("Bearer ")
        if not given or self.owner.key not in (None, given):
            self.error(401, "invalid x-api-key")
            return
        try:
            body = json.loads(raw)
        except ValueError:
            self._wrong(400, "the body is no JSON")
            return
        problems = [*_problems_of_head(fields), *problems_of(body)]
        if problems:
            self._wrong(400, "; ".join(problems))
            return
        step = self.owner.take(self.path, fields, body)
        if step is None:
            self._wrong(400, f"no step is left for {prompts(body)[-1]!r:.200}")
            return
        try:
            step.play(_Answer(self, body))
        except OSError:
            self.close_connection = True
            if not self.owner.stopping.is_set():
                self.owner.gone.set()

    def _wrong(self, status: int, problem: str) -> None:
        self.owner.complain(problem)
        self.error(status, problem)

    def error(self, status: int, message: str, retry_after: int | None = None) -> None:
        """Answer with an error."""
        error = {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}
        value = {"type": "error", "error": error, "request_id": "req_scripted"}
        fields = {} if retry_after is None else {"retry-after": str(retry_after)}
        self.send_json(status, value, fields)


def _problems_of_head(fields: dict[str, str]) -> list[str]:
    problems = []
    if fields.get("anthropic-version") != "2023-06-01":
        problems.append(f"anthropic-version is {fields.get('anthropic-version')}")
    if fields.get("content-type", "").partition(";")[0] != "application/json":
        problems.append(f"content-type is {fields.get('content-type')}")
    return problems


class _Answer:
    """See L{tests.end_to_end.anthropic_steps.Answer}."""

    _numbers = itertools.count(1)

    def __init__(self, handler: _Handler, request: dict[str, Any]) -> None:
        self._handler = handler
        self._request = request
        self._streams = request.get("stream") is True
        self._begun = False
        self._blocks: list[dict[str, Any]] = []
        self._open = False
        self._message = {
            "id": f"msg_{next(self._numbers):024}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**USAGE, "output_tokens": 1},
        }

    def text(self, piece: str) -> None:
        if not self._open:
            self._block({"type": "text", "text": ""})
        self._blocks[-1]["text"] += piece
        self._delta({"type": "text_delta", "text": piece})

    def use_tool(self, name: str, value: Any) -> None:
        if name not in tool_names(self._request):
            self._handler.owner.complain(f"the tool {name} is not offered")
        self._close_block()
        number = next(self._numbers)
        use = {"type": "tool_use", "id": f"toolu_{number:024}", "name": name, "input": {}}
        self._block(use)
        self._blocks[-1]["input"] = value
        written = json.dumps(value)
        for piece in (written[:5], written[5:]):
            self._delta({"type": "input_json_delta", "partial_json": piece})
        self._close_block()

    def ping(self) -> None:
        self._begin()
        self._event("ping")

    def end(self) -> None:
        self._close_block()
        used = any(block["type"] == "tool_use" for block in self._blocks)
        reason = {"stop_reason": "tool_use" if used else "end_turn", "stop_sequence": None}
        if not self._streams:
            message = {**self._message, **reason, "content": self._blocks, "usage": USAGE}
            self._handler.send_json(200, message)
            return
        self._begin()
        self._event("message_delta", delta=reason, usage=USAGE)
        self._event("message_stop")
        self._handler.chunk(b"")

    def refuse(self, status: int, message: str, retry_after: int | None) -> None:
        self._handler.error(status, message, retry_after)

    def break_off(self) -> None:
        if self._streams:
            self._handler.chunk(b'event: content_block_delta\ndata: {"type": "content_bl\n\n')
            self._handler.chunk(b"")
        else:
            self._handler.send(200, b'{"type": "mess')

    def reset(self) -> None:
        self._handler.reset()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not event.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self._handler.owner.stopping.is_set():
                raise ConnectionAbortedError("the server stops")
            event.wait(min(left, 0.05))
        return True

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            if self._streams:
                self._handler.begin_events()
            self._event("message_start", message=self._message)

    def _block(self, block: dict[str, Any]) -> None:
        self._begin()
        self._open = True
        self._blocks.append(dict(block))
        self._event("content_block_start", index=len(self._blocks) - 1, content_block=block)

    def _delta(self, delta: dict[str, Any]) -> None:
        self._event("content_block_delta", index=len(self._blocks) - 1, delta=delta)

    def _close_block(self) -> None:
        if self._open:
            self._open = False
            self._event("content_block_stop", index=len(self._blocks) - 1)

    def _event(self, kind: str, **values: Any) -> None:
        if self._streams:
            data = json.dumps({"type": kind, **values})
            self._handler.chunk(f"event: {kind}\ndata: {data}\n\n".encode())


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in for Anthropic's Messages API.")
    parser.add_argument("--port", type=int, default=8901)
    server = ScriptedAnthropic(None, parser.parse_args().port)
    sys.stdout.write(f"ANTHROPIC_BASE_URL={server.url} with any key; Ctrl-C ends it\n")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()

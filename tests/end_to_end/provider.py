"""A provider that speaks OpenAI's API on loopback, checks what it is sent, and can fail."""

from __future__ import annotations

import json
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from tests.end_to_end.media import ENDPOINTS, image_events
from tests.support.loopback import Handler, LoopbackServer

API_KEY = "sk-upstream-key-9876"


class FakeProvider(LoopbackServer):
    """
    The provider.

    @ivar requests: What it was sent: (path, header fields in lower case, body).
    @ivar problems: What it was sent that OpenAI's API would refuse.
    @ivar gone: Set when a client left in the middle of a stream.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.problems: list[str] = []
        self.gone = threading.Event()
        super().__init__(_Handler)

    @property
    def base(self) -> str:
        """Its C{api_base}."""
        return f"{self.url}/v1"


class _Handler(Handler):
    owner: FakeProvider

    def do_POST(self) -> None:
        body, fields = self.body(), self.fields()
        if fields.get("authorization") != f"Bearer {API_KEY}":
            self.send_json(401, {"error": {"message": f"Incorrect API key: {API_KEY[:9]}..."}})
            return
        parsed = self._parse(body)
        self.owner.requests.append((self.path, fields, parsed))
        model = parsed["model"]
        if model.startswith("status-"):
            error = {"message": "as asked", "param": "temperature", "code": "some_code"}
            self.send_json(
                int(model.removeprefix("status-")), {"error": error}, {"Retry-After": "7"}
            )
        elif model == "silent":
            time.sleep(5)
        elif model == "hang-up":
            self.close_connection = True
        elif self.path == "/v1/chat/completions":
            if parsed.get("stream"):
                if model == "calls-tool" and parsed["messages"][-1]["role"] == "user":
                    self._stream_call(parsed["tools"][0]["function"]["name"])
                else:
                    self._stream(model)
            else:
                self._chat(parsed)
        elif self.path == "/v1/embeddings":
            data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            self.send_json(200, {"object": "list", "data": data, "model": model, "usage": usage})
        elif self.path == "/v1/audio/transcriptions":
            self.send_json(200, {"text": f"{len(parsed['file'])} bytes"})
        elif self.path == "/v1/audio/speech":
            self._speak(parsed)
        elif self.path in ENDPOINTS:
            self._endpoint(parsed)
        else:
            self.send_json(404, {"error": {"message": f"no {self.path}"}})

    def _speak(self, parsed: Any) -> None:
        self.send(200, f"{parsed['voice']}: {parsed['input']}".encode(), "audio/mpeg")

    def _endpoint(self, parsed: Any) -> None:
        problems, answer = ENDPOINTS[self.path]
        wrong = problems(parsed)
        if wrong:
            self.owner.problems += wrong
            self.send_json(400, {"error": {"message": "; ".join(wrong)}})
        elif parsed.get("stream"):
            self.begin_events()
            for event in image_events(parsed):
                self.chunk(f"event: {event['type']}\n".encode())
                self._event(event)
            self.chunk(b"")
        else:
            self.send_json(200, answer(parsed))

    def _parse(self, body: bytes) -> Any:
        content_type = self.headers["Content-Type"]
        if content_type == "application/json":
            return json.loads(body)
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + body)
        parts: dict[str, Any] = {}
        for part in form.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            value = content if part.get_filename() is not None else content.decode()
            if name.endswith("[]"):
                parts.setdefault(name, []).append(value)
            else:
                parts[name] = value
        return parts

    def _chat(self, parsed: Any) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": "From the fake provider."}
        if parsed.get("tools"):
            name = parsed["tools"][0]["function"]["name"]
            call = {"name": name, "arguments": '{"city":"Tbilisi"}'}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
            }
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
        self.send_json(
            200,
            {
                "id": "chatcmpl-fake",
                "object": "chat.completion",
                "created": 1,
                "model": parsed["model"],
                "choices": [choice],
                "usage": usage,
            },
        )

    def _stream_call(self, name: str) -> None:
        self.begin_events()
        for call in (
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": name}},
            {"index": 0, "function": {"arguments": "{"}},
            {"index": 0, "function": {"arguments": "}"}},
        ):
            choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
            self._event(
                {
                    "id": "chatcmpl-fake",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "calls-tool",
                    "choices": [choice],
                }
            )
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def _stream(self, model: str) -> None:
        self.begin_events()
        try:
            for number in range(1000 if model == "endless" else 5):
                if model == "breaks" and number == 3:
                    self.close_connection = True
                    return
                choice = {"index": 0, "delta": {"content": f"{number} "}, "finish_reason": None}
                self._event(
                    {
                        "id": "chatcmpl-fake",
                        "object": "chat.completion.chunk",
                        "created": 1,
                        "model": model,
                        "choices": [choice],
                    }
                )
                if model in ("endless", "slow"):
                    time.sleep(0.02 if model == "endless" else 0.2)
            self.chunk(b"data: [DONE]\n\n")
            self.chunk(b"")
        except OSError:
            self.owner.gone.set()
            self.close_connection = True

    def _event(self, value: Any) -> None:
        self.chunk(b"data: " + json.dumps(value).encode() + b"\n\n")


def config(base: str, *models: str) -> str:
    """
    A LiteLLM configuration with these models of the fake provider at C{base}.

    A failure is the caller's at once, and no matter of the next call.
    """
    lines = ["router_settings: {num_retries: 0, cooldown_time: 0}", "model_list:"]
    for model in models:
        lines += [
            f"  - model_name: {model}",
            "    litellm_params:",
            f"      model: openai/{model}",
            f"      api_base: {base}",
            f"      api_key: {API_KEY}",
            "      timeout: 2",
        ]
    return "\n".join(lines) + "\n"

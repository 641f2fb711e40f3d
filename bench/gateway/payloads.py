"""What is asked for, and what the fake provider answers."""

from __future__ import annotations

import json
from enum import StrEnum

CHUNKS = 100
"""Events of a stream that nginx makes, without C{[DONE]}."""

PACED_CHUNKS = 20
"""Events of a paced stream, without C{[DONE]}."""

PACE = 0.005
"""Seconds from one event of a paced stream to the next; the first one comes at once."""

DONE = "data: [DONE]\n\n"
TEXT = "Hello! How can I assist you today?"
MODEL = "gpt-4o-mini"
"""A model that LiteLLM has prices for: it spends time on complaints over others."""

WORD = "word "


class Flavour(StrEnum):
    """
    Kinds of request, each with a model name and a place at the provider.

    C{PLAIN}: one JSON answer. C{BURST}: a stream whose chunks the provider sends with one write.
    C{FLUSHED}: one whose chunks it sends with a write each. C{PACED}: one whose chunks take time.
    C{SILENT}: one JSON answer that does not come.
    """

    PLAIN = "plain"
    BURST = "burst"
    FLUSHED = "flushed"
    PACED = "paced"
    SILENT = "silent"

    @property
    def model(self) -> str:
        """The model name that a client asks for."""
        return f"bench-{self.value}"

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream of events."""
        return self not in (Flavour.PLAIN, Flavour.SILENT)

    @property
    def chunks(self) -> int:
        """How many events its answer has, without C{[DONE]}."""
        return {Flavour.PLAIN: 0, Flavour.PACED: PACED_CHUNKS}.get(self, CHUNKS)


def request_body(flavour: Flavour) -> str:
    """A request for a chat completion."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello!"},
    ]
    body: dict[str, object] = {"model": flavour.model, "messages": messages}
    if flavour.streams:
        body["stream"] = True
    return json.dumps(body)


def completion() -> str:
    """The provider's JSON answer."""
    message = {"role": "assistant", "content": TEXT}
    return json.dumps(
        {
            "id": "chatcmpl-BenchBenchBenchBenchBench",
            "object": "chat.completion",
            "created": 1760000000,
            "model": MODEL,
            "choices": [
                {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 19, "completion_tokens": 9, "total_tokens": 28},
        }
    )


def chunk_event() -> str:
    """An event of the provider's streams."""
    chunk = {
        "id": "chatcmpl-BenchBenchBenchBenchBench",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": MODEL,
        "choices": [{"index": 0, "delta": {"content": WORD}, "finish_reason": None}],
    }
    return f"data: {json.dumps(chunk)}\n\n"

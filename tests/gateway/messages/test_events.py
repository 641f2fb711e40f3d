"""From a chat's stream to a message's."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import (
    Event,
    asked,
    blocks_of,
    call,
    chunk,
    events_of,
    stream,
)
from twisted_aigate.gateway.errors import error_object
from twisted_aigate.gateway.messages.events import Translation
from twisted_aigate.gateway.messages.outcome import Asked
from twisted_aigate.gateway.sse import MOST

_USAGE = json.dumps(
    {
        "choices": [],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 4},
        },
    }
).encode()
_ANSWER = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "hm"}),
    chunk({"content": "Let "}),
    chunk({"content": "me."}),
    chunk(call(0, '{"a":', id="c0", name="f")),
    chunk(call(0, "1}")),
    chunk({}, "tool_calls"),
    _USAGE,
)


def _translated(*pieces: bytes, context: Asked | None = None) -> list[Event]:
    translation = Translation(context or asked())
    made = b"".join(map(translation.feed, pieces))
    return events_of(made + translation.finish())


def _kinds(events: list[Event]) -> list[str]:
    return [event["type"].removeprefix("content_block_") for event in events]


class TranslationTests(SynchronousTestCase):
    """Streams."""

    def test_whole_stream(self) -> None:
        """Every event, in the order that clients rely on."""
        events = _translated(stream(*_ANSWER))
        self.assertEqual(
            _kinds(events),
            ["message_start", "ping", "start", "delta", "delta", "stop", "start", "delta", "delta",
             "stop", "start", "delta", "delta", "stop", "message_delta", "message_stop"],
        )  # fmt: skip
        start = events[0]["message"]
        self.assertRegex(start.pop("id"), r"^msg_\w{20,}$")
        self.assertEqual(start.pop("usage")["output_tokens"], 0)
        self.assertEqual(
            start,
            {"type": "message", "role": "assistant", "model": "m", "content": [],
             "stop_reason": None, "stop_sequence": None},
        )  # fmt: skip
        self.assertEqual(
            blocks_of(events),
            [
                {"type": "thinking", "thinking": "hm", "signature": "reasoning_content:m"},
                {"type": "text", "text": "Let me."},
                {"type": "tool_use", "id": "c0", "name": "f", "input": {"a": 1}},
            ],
        )
        self.assertEqual(
            events[-2],
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                "usage": {
                    "input_tokens": 6,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 4,
                    "output_tokens": 5,
                },
            },
        )

    @given(st.lists(st.integers(0, 5000)))
    def test_cut_anywhere(self, cuts: list[int]) -> None:
        """However the stream is cut into pieces, the same comes out."""
        data = stream(*_ANSWER)
        places = sorted({0, *(cut % len(data) for cut in cuts), len(data)})
        pieces = [data[a:b] for a, b in itertools.pairwise(places)]
        made, expected = _translated(*pieces), _translated(data)
        for events in (made, expected):
            events[0]["message"].pop("id")
        self.assertEqual(made, expected)

    def test_each_chunk_at_once(self) -> None:
        """What a chunk says is passed on with it; the end waits for the usage behind it."""
        translation = Translation(asked())
        made = [
            _kinds(events_of(translation.feed(stream(each, done=False))))
            for each in (chunk({"role": "assistant"}), chunk({"content": "a"}),
                         chunk({"content": "b"}), chunk({}, "stop"), _USAGE)
        ]  # fmt: skip
        made.append(_kinds(events_of(translation.feed(b"data: [DONE]\n\n"))))
        self.assertEqual(
            made,
            [["message_start", "ping"], ["start", "delta"], ["delta"], [], [],
             ["stop", "message_delta", "message_stop"]],
        )  # fmt: skip
        self.assertEqual(translation.finish(), b"")

    def test_endings(self) -> None:
        """The reason to stop, and without a [DONE]."""
        for last, done, expected in (
            (chunk({}, "stop"), True, "end_turn"),
            (chunk({}, "stop"), False, "end_turn"),
            (chunk({}, "length"), False, "max_tokens"),
            (chunk({"content": "y"}), True, "end_turn"),
            (chunk({"refusal": "no"}, "stop"), True, "refusal"),
            (chunk({}, "stop", stop_reason="END"), True, "stop_sequence"),
        ):
            with self.subTest((last, done)):
                events = _translated(
                    stream(chunk({"content": "x"}), last, done=done),
                    context=asked(stops=("END",)),
                )
                self.assertEqual(events[-2]["delta"]["stop_reason"], expected)
                self.assertEqual(events[-1], {"type": "message_stop"})

    def test_no_usage(self) -> None:
        """Where the provider says nothing of it, the estimates stand in."""
        events = _translated(stream(chunk({"content": "x" * 40}), chunk({}, "stop")))
        self.assertEqual(events[-2]["usage"]["input_tokens"], 77)
        self.assertEqual(events[-2]["usage"]["output_tokens"], 10)

    def test_comments(self) -> None:
        """What keeps the provider's connection alive keeps the caller's alive."""
        data = b": waiting\n\n" + stream(chunk({"content": "x"}), chunk({}, "stop"))
        self.assertEqual(_kinds(_translated(data))[:2], ["ping", "message_start"])

    def test_errors_in_the_stream(self) -> None:
        """An error ends the stream, with its type where the API has it."""
        started = stream(chunk({"content": "x"}), done=False)
        ours = error_object(502, "No answer", None, "connection_broken")
        for before in (b"", started):
            for error, kind, said in (
                (ours, "api_error", "No answer"),
                (error_object(429, "slow", None, None), "rate_limit_error", "slow"),
                (b'{"error":{"message":"m","type":"server_error"}}', "api_error", "m"),
                (b'{"error":{"message":"m","code":502}}', "api_error", "m"),
                (b'{"error":"m"}', "api_error", "m"),
                (b'{"error":{}}', "api_error", "broke off"),
                (
                    error_object(400, "m", None, "context_length_exceeded"),
                    "invalid_request_error",
                    "prompt is too long: m",
                ),
            ):
                with self.subTest((before, error)):
                    events = _translated(
                        before + stream(error) + stream(chunk({"content": "late"}, "stop"))
                    )
                    self.assertEqual(_kinds(events).count("error"), 1)
                    self.assertEqual(events[-1]["error"]["type"], kind)
                    self.assertIn(said, events[-1]["error"]["message"])
                    self.assertNotIn("message_stop", _kinds(events))

    def test_broken_streams(self) -> None:
        """A stream that is not whole ends in an error, and never like a whole one."""
        text = chunk({"content": "x"})
        cut_off = b'data: {"choi'
        error = b"\n\n" + stream(error_object(504, "too slow", None, "timeout"), done=False)
        for name, data, said in (
            ("nothing", b"", "broke off"),
            ("only the end", stream(), "broke off"),
            ("no end", stream(text, done=False), "broke off"),
            ("cut off", stream(text, done=False) + cut_off, "broke off"),
            ("cut off, and why", stream(text, done=False) + cut_off + error, "too slow"),
            ("no JSON", stream(b"<html>"), "not a chat's"),
            ("no chunk", stream(b'{"choices":1}', text), "not a chat's"),
            ("no UTF-8", stream(b'"\xff"'), "not a chat's"),
        ):
            with self.subTest(name):
                events = _translated(data)
                self.assertEqual(events[-1]["type"], "error")
                self.assertIn(said, events[-1]["error"]["message"])
                self.assertNotIn("message_stop", _kinds(events))

    def test_endless_event(self) -> None:
        """An event that does not end is not gathered for ever."""
        translation = Translation(asked())
        piece = b"data: " + b"x" * (MOST // 2)
        made = b"".join(translation.feed(piece) for _ in range(3))
        self.assertEqual(_kinds(events_of(made)), ["error"])
        self.assertEqual(translation.finish(), b"")

    def test_whole_answer(self) -> None:
        """A provider that does not stream: its answer is one chunk."""
        said: Any = {"role": "assistant", "content": "Hi", **call(0, "{}", id="c", name="f")}
        choice = {"index": 0, "message": said, "finish_reason": "tool_calls"}
        translation = Translation(asked())
        made = translation.take(json.dumps({"choices": [choice]}).encode())
        events = events_of(made + translation.finish())
        self.assertEqual([block["type"] for block in blocks_of(events)], ["text", "tool_use"])
        self.assertEqual(events[-2]["delta"]["stop_reason"], "tool_use")

"""From a chat's answer, whole or streamed, to a response."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import call, chunk, events_of, stream
from tests.gateway.responses.examples import WEATHER, checked, checked_events, drafted
from twisted_aigate.gateway.errors import error_object
from twisted_aigate.gateway.responses.events import Translation
from twisted_aigate.gateway.sse import MOST

_USAGE = json.dumps(
    {
        "choices": [],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
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
_TOKEN = {
    "token": "é",
    "logprob": -0.5,
    "bytes": None,
    "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}],
}


class TranslationTests(SynchronousTestCase):
    """Streams: every event has the form that OpenAI's own client has for it."""

    def translated(self, *pieces: bytes, **fields: Any) -> list[dict[str, Any]]:
        """The events that these pieces of a chat's stream make."""
        return checked_events(self.made(*pieces, **fields))

    def made(self, *pieces: bytes, **fields: Any) -> list[dict[str, Any]]:
        """The same, whatever they are."""
        self.kept: list[dict[str, Any]] = []

        async def keep(response: dict[str, Any]) -> None:
            self.kept.append(response)

        translation = Translation(drafted(stream=True, **fields), keep)
        made = b"".join(map(translation.feed, pieces))
        made += self.successResultOf(translation.finish())
        return events_of(made)

    def kinds(self, events: list[dict[str, Any]]) -> list[str]:
        """The types of events, in short."""
        return [event["type"].removeprefix("response.") for event in events]

    def test_all_of_it(self) -> None:
        """Item after item, and the whole response at the end."""
        events = self.translated(stream(*_ANSWER))
        self.assertEqual(
            self.kinds(events),
            [
                "created", "in_progress",
                "output_item.added", "content_part.added", "reasoning_text.delta",
                "reasoning_text.done", "content_part.done", "output_item.done",
                "output_item.added", "content_part.added", "output_text.delta",
                "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
                "output_item.added", "function_call_arguments.delta",
                "function_call_arguments.delta", "function_call_arguments.done",
                "output_item.done",
                "completed",
            ],
        )  # fmt: skip
        response = events[-1]["response"]
        thought, said, called = response["output"]
        self.assertEqual(thought["content"], [{"type": "reasoning_text", "text": "hm"}])
        self.assertEqual(said["content"][0]["text"], "Let me.")
        self.assertEqual(
            (called["call_id"], called["name"], called["arguments"]), ("c0", "f", '{"a":1}')
        )
        self.assertEqual({each["status"] for each in response["output"]}, {"completed"})
        self.assertEqual(
            response["usage"],
            {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 2},
                "total_tokens": 15,
            },
        )
        done = [event["item"] for event in events if event["type"].endswith("item.done")]
        self.assertEqual(done, response["output"])
        self.assertEqual(events[0]["response"]["status"], "in_progress")
        self.assertEqual(events[0]["response"]["output"], [])
        self.assertEqual(self.kept, [response])

    @given(st.lists(st.integers(0, len(stream(*_ANSWER)))))
    def test_however_it_is_cut(self, cuts: list[int]) -> None:
        data = stream(*_ANSWER)
        places = [0, *sorted(cuts), len(data)]
        pieces = [data[start:end] for start, end in itertools.pairwise(places)]
        self.assertEqual(self.kinds(self.made(*pieces)), self.kinds(self.made(data)))

    def test_calls_by_turns(self) -> None:
        """Calls whose pieces come by turns are told by turns, each under its own place."""
        events = self.translated(
            stream(
                chunk(call(0, "", id="a")),
                chunk(call(1, "[", id="b", name="g")),
                chunk(call(0, "{", name="f")),
                chunk(call(1, "]")),
                chunk(call(0, "}")),
                chunk({}, "stop"),
            )
        )
        deltas = [
            (event["output_index"], event["delta"])
            for event in events
            if event["type"].endswith(".delta")
        ]
        self.assertEqual(deltas, [(0, "["), (1, "{"), (0, "]"), (1, "}")])
        output = events[-1]["response"]["output"]
        self.assertEqual(
            [(each["call_id"], each["name"], each["arguments"]) for each in output],
            [("b", "g", "[]"), ("a", "f", "{}")],
        )

    def test_calls_without_index_or_id(self) -> None:
        """An id of its own makes a call another; one without any gets one."""
        events = self.translated(
            stream(
                chunk(call(None, "{}", id="a", name="f")),
                chunk(call(None, "[]", id="b", name="f")),
                chunk({}, "stop"),
            )
        )
        self.assertEqual(len(events[-1]["response"]["output"]), 2)
        events = self.translated(stream(chunk(call(0, "{}", name="f")), chunk({}, "stop")))
        self.assertRegex(events[-1]["response"]["output"][0]["call_id"], r"^call_\w+$")

    def test_refusal(self) -> None:
        """A refusal is a part of its own."""
        events = self.translated(
            stream(chunk({"content": "Well."}), chunk({"refusal": "No."}), chunk({}, "stop"))
        )
        [message] = events[-1]["response"]["output"]
        self.assertEqual(message["content"][1], {"type": "refusal", "refusal": "No."})
        self.assertIn("refusal.done", self.kinds(events))

    def test_logprobs(self) -> None:
        """Only when they are asked for, and whatever a provider calls so."""
        said = stream(chunk({"content": "é"}, logprobs={"content": [_TOKEN]}), chunk({}, "stop"))
        events = self.translated(said, top_logprobs=1)
        [token] = events[-1]["response"]["output"][0]["content"][0]["logprobs"]
        self.assertEqual(token["bytes"], list("é".encode()))
        [delta] = [event for event in events if event["type"].endswith("text.delta")]
        self.assertEqual(delta["logprobs"][0]["top_logprobs"], [{"token": "e", "logprob": -1.0}])
        for fields, data in (
            ({}, said),
            ({"top_logprobs": 1}, stream(chunk({"content": "x"}, "stop", logprobs={"content": 5}))),
        ):
            events = self.translated(data, **fields)
            self.assertEqual(events[-1]["response"]["output"][0]["content"][0]["logprobs"], [])

    def test_stops_early(self) -> None:
        for reason, told in (
            ("length", "max_output_tokens"),
            ("content_filter", "content_filter"),
        ):
            answer = stream(chunk({"reasoning": "hm"}), chunk({"content": "x"}, reason))
            event = self.translated(answer)[-1]
            self.assertEqual(event["type"], "response.incomplete")
            response = event["response"]
            self.assertEqual(response["incomplete_details"], {"reason": told})
            self.assertIsNone(response["completed_at"])
            statuses = [each["status"] for each in response["output"]]
            self.assertEqual(statuses, ["completed", "incomplete"])
            self.assertEqual(self.kept, [response])

    def test_usage_that_is_not_told(self) -> None:
        """Estimates stand in."""
        usage = self.translated(stream(chunk({"content": "word " * 8}, "stop")))[-1]["response"][
            "usage"
        ]
        self.assertEqual((usage["input_tokens"], usage["output_tokens"]), (77, 10))

    def test_comments(self) -> None:
        """They keep the caller's connection open too."""

        async def keep(response: dict[str, Any]) -> None:
            raise AssertionError

        self.assertEqual(Translation(drafted(), keep).feed(b": x\n\n"), b": ping\n\n")

    def test_fails_in_the_middle(self) -> None:
        """The response ends as failed, with what there is of it, and is not kept."""
        said = stream(chunk({"content": "x"}), done=False)
        long = error_object(400, "long", None, "context_length_exceeded")
        for data, code, message in (
            (b"", "server_error", "broke off"),
            (b"data: {half\n\n", "server_error", "not a chat's"),
            (b"data: " + b"x" * MOST, "server_error", "not a chat's"),
            (
                b"data: " + error_object(429, "slow down", None, None) + b"\n\n",
                "rate_limit_exceeded",
                "slow down",
            ),
            (b"data: " + long + b"\n\ndata: [DONE]\n\n", "invalid_prompt", "long"),
        ):
            with self.subTest(message):
                event = self.translated(said, data)[-1]
                self.assertEqual(event["type"], "response.failed")
                response = event["response"]
                self.assertEqual(response["error"]["code"], code)
                self.assertIn(message, response["error"]["message"])
                self.assertEqual(response["output"][0]["status"], "in_progress")
                self.assertEqual(self.kept, [])

    def test_fails_before_it_begins(self) -> None:
        """There is no response that could have failed."""
        [event] = self.translated(b"data: " + error_object(500, "oh", None, "c") + b"\n\n")
        self.assertEqual((event["type"], event["message"], event["code"]), ("error", "oh", "c"))
        [event] = self.translated(b"")
        self.assertIn("broke off", event["message"])


class EnvelopeTests(SynchronousTestCase):
    """What a response repeats of its request."""

    def test_bare(self) -> None:
        response = checked(drafted().whole)
        self.assertRegex(response["id"], r"^resp_\w{32}$")
        self.assertEqual((response["created_at"], response["model"]), (1000, "m"))
        self.assertEqual(response["tool_choice"], "auto")
        self.assertEqual(response["text"], {"format": {"type": "text"}})
        self.assertIs(response["store"], True)

    def test_all(self) -> None:
        named = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
        given: dict[str, Any] = {
            "instructions": "i",
            "max_output_tokens": 5,
            "max_tool_calls": 6,
            "metadata": {"a": "b"},
            "parallel_tool_calls": False,
            "previous_response_id": "resp_1",
            "reasoning": {"effort": "low", "summary": "auto"},
            "store": False,
            "temperature": 0.0,
            "text": {"format": named, "verbosity": "low"},
            "tool_choice": {"type": "function", "name": "get_weather"},
            "tools": [WEATHER],
            "top_logprobs": 2,
            "top_p": 0.5,
            "user": "u",
        }
        response = checked(drafted(**given).whole)
        self.assertEqual({name: response[name] for name in given}, given)

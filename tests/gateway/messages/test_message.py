"""From a chat's whole answer to a message."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import asked
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.message import message
from twisted_aigate.gateway.messages.outcome import Asked

_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def _call(arguments: str = "{}", **more: Any) -> Any:
    return {
        "type": "function",
        "id": "c1",
        "function": {"name": "f", "arguments": arguments, **more},
    }


def _message(
    said: Any, finish: str = "stop", context: Asked | None = None, usage: Any = _USAGE, **more: Any
) -> Any:
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish, **more}
    answer = {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}
    return json.loads(message(json.dumps(answer).encode(), context or asked()))


class MessageTests(SynchronousTestCase):
    """Whole answers."""

    def test_envelope(self) -> None:
        """The whole of a message, and an id of its own for each."""
        made = _message({"content": "Hi"})
        self.assertRegex(made.pop("id"), r"^msg_\w{20,}$")
        self.assertEqual(
            made,
            {
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [{"type": "text", "text": "Hi"}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 10,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 5,
                },
            },
        )
        self.assertNotEqual(_message({"content": "Hi"})["id"], _message({"content": "Hi"})["id"])

    def test_content(self) -> None:
        """Words, thoughts and calls."""
        text = {"type": "text", "text": "x"}
        use = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
        for said, expected in (
            ({"content": "x"}, [text]),
            ({"content": ""}, []),
            ({"content": None}, []),
            ({"content": [{"type": "thinking"}, {"type": "text", "text": "x"}]}, [text]),
            ({"content": None, "refusal": "x"}, [text]),
            ({"content": "x", "tool_calls": [_call()]}, [text, use]),
            ({"tool_calls": [_call('{"a":1}')]}, [{**use, "input": {"a": 1}}]),
            ({"tool_calls": [_call("")]}, [use]),
            ({"tool_calls": [_call(), _call()]}, [use, use]),
            ({"content": "x", "tool_calls": None}, [text]),
            (
                {"content": "x", "reasoning_content": "hm"},
                [{"type": "thinking", "thinking": "hm", "signature": "reasoning_content:m"}, text],
            ),
            (
                {"content": "x", "reasoning": "hm"},
                [{"type": "thinking", "thinking": "hm", "signature": "reasoning:m"}, text],
            ),
        ):
            with self.subTest(said):
                self.assertEqual(_message(said)["content"], expected)

    def test_call_without_id(self) -> None:
        """A call gets an id where its model gave none, and its tool's own name."""
        call = {"function": {"name": "short", "arguments": "{}"}}
        made = _message({"tool_calls": [call, call]}, context=asked({"short": "the long name"}))
        one, other = made["content"]
        self.assertTrue(one["id"].startswith("toolu_"))
        self.assertNotEqual(one["id"], other["id"])
        self.assertEqual(one["name"], "the long name")

    def test_stop_reasons(self) -> None:
        """Each reason to stop."""
        calls = {"tool_calls": [_call()]}
        for said, finish, more, expected in (
            ({}, "stop", {}, "end_turn"),
            ({}, None, {}, "end_turn"),
            ({}, "not known yet", {}, "end_turn"),
            ({}, "length", {}, "max_tokens"),
            ({}, "content_filter", {}, "refusal"),
            ({"refusal": "no"}, "stop", {}, "refusal"),
            (calls, "tool_calls", {}, "tool_use"),
            (calls, "stop", {}, "tool_use"),
            (calls, "length", {}, "max_tokens"),
            ({}, "stop", {"stop_reason": "END"}, "stop_sequence"),
            ({}, "stop", {"matched_stop": "END"}, "stop_sequence"),
            ({}, "stop", {"stop_reason": 128_009}, "end_turn"),
            ({}, "stop", {"stop_reason": "<|eot|>"}, "end_turn"),
            ({}, "length", {"stop_reason": None}, "max_tokens"),
        ):
            with self.subTest((said, finish, more)):
                made = _message(said, finish, asked(stops=("END",)), **more)
                self.assertEqual(made["stop_reason"], expected)
                sequence = "END" if expected == "stop_sequence" else None
                self.assertEqual(made["stop_sequence"], sequence)

    def test_usage(self) -> None:
        """The cached part is counted by itself; an estimate stands in for nothing."""
        for usage, expected in (
            (_USAGE, (10, 0, 5)),
            ({**_USAGE, "prompt_tokens_details": {"cached_tokens": 8}}, (2, 8, 5)),
            ({**_USAGE, "prompt_tokens_details": {"cached_tokens": None}}, (10, 0, 5)),
            ({**_USAGE, "prompt_tokens_details": None}, (10, 0, 5)),
            ({}, (0, 0, 0)),
        ):
            with self.subTest(usage):
                made = _message({"content": "x"}, usage=usage)["usage"]
                names = ("input_tokens", "cache_read_input_tokens", "output_tokens")
                self.assertEqual(tuple(made[name] for name in names), expected)
        made = _message({"content": "x" * 400}, usage=None)["usage"]
        self.assertEqual(made["input_tokens"], 77)
        self.assertIn(made["output_tokens"], range(100, 110))

    def test_no_answers(self) -> None:
        """What is no chat's answer is a 502 that says why."""
        for body, said in (
            (b"<html>", "not a chat's"),
            (b"\xff", "not a chat's"),
            (b'"x"', "not a chat's"),
            (b'{"choices": "x"}', "choices"),
            (b"{}", "no choices"),
            (b'{"choices": []}', "no choices"),
            (b'{"error": {"message": "overloaded"}}', "overloaded"),
            (b'{"error": "overloaded"}', "overloaded"),
        ):
            with self.subTest(body):
                error = self.assertRaises(GatewayError, message, body, asked())
                self.assertEqual(error.status, 502)
                self.assertIn(said, error.message)

    def test_wrong_arguments(self) -> None:
        """Arguments that are no object are a 502 that names the tool."""
        for arguments in ("{", "[]", "null", "x"):
            with self.subTest(arguments):
                said = {"tool_calls": [_call(arguments)]}
                error = self.assertRaises(GatewayError, _message, said)
                self.assertEqual(error.status, 502)
                self.assertIn("'f'", error.message)

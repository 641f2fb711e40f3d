"""The turns of C{json-verbose}; the lines are those of real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.turns import Turns

_LINES = Path(__file__).parent / "openai" / "lines"
_PARENT = "parent_tool_use_id"


def turns_of(*lines: bytes) -> list[dict[str, Any]]:
    turns = Turns()
    made = [turns.feed(line) for line in lines]
    made.append(turns.finish())
    return [turn for turn in made if turn is not None]


def real(name: str) -> list[dict[str, Any]]:
    return turns_of(*(_LINES / f"{name}.jsonl").read_bytes().splitlines())


def line(kind: str, *content: Any, message_id: str | None = None, **more: Any) -> bytes:
    message = {"role": kind, "content": list(content)}
    if message_id is not None:
        message["id"] = message_id
    return msgspec.json.encode({"type": kind, "message": message, **more})


def text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


class RealTests(SynchronousTestCase):
    def shape(self, name: str) -> list[tuple[str, list[str]]]:
        return [(turn["role"], [each["type"] for each in turn["content"]]) for turn in real(name)]

    def test_a_tool(self) -> None:
        self.assertEqual(
            self.shape("tool"),
            [
                ("assistant", ["text", "tool_use"]),
                ("tool_result", ["toolResult"]),
                ("assistant", ["text"]),
            ],
        )
        called, answered, _ = real("tool")
        use, result = called["content"][-1], answered["content"][0]
        self.assertEqual((use["name"], list(use["input"])), ("Bash", ["command", "description"]))
        self.assertEqual(
            result,
            {
                "type": "toolResult",
                "toolUseId": use["id"],
                "isError": False,
                "content": result["content"],
            },
        )
        self.assertIsInstance(result["content"], str)

    def test_what_a_sub_agent_is_told_is_no_turn(self) -> None:
        for name in ("sub_agent", "sub_agent_whole"):
            turns = real(name)
            self.assertEqual([turn["role"] for turn in turns],
                             ["assistant", "tool_result", "assistant"])  # fmt: skip
            self.assertNotIn("SUBAGENT_WORK please", str(turns[1:]))

    def test_all_real_runs(self) -> None:
        for path in _LINES.iterdir():
            turns = real(path.stem)
            self.assertNotEqual(turns, [], path)
            for turn in turns:
                self.assertIn(turn["role"], ("assistant", "tool_result"))
                self.assertNotEqual(turn["content"], [])


class TurnTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        self.assertEqual(turns_of(), [])

    def test_lines_of_one_message_are_one_turn(self) -> None:
        self.assertEqual(
            turns_of(
                line("assistant", text("a"), message_id="m1"),
                line("assistant", text("b"), message_id="m1"),
                line("assistant", text("c"), message_id="m2"),
            ),
            [
                {"role": "assistant", "content": [text("a"), text("b")]},
                {"role": "assistant", "content": [text("c")]},
            ],
        )

    def test_messages_without_an_id_are_turns_of_their_own(self) -> None:
        lines = [line("assistant", text(value)) for value in "ab"]
        self.assertEqual(len(turns_of(*lines)), 2)

    def test_what_a_tool_answered(self) -> None:
        block = {"type": "tool_result", "tool_use_id": "t", "content": [text("x")], "is_error": 1}
        self.assertEqual(
            turns_of(line("user", text("dropped"), block)),
            [
                {
                    "role": "tool_result",
                    "content": [
                        {
                            "type": "toolResult",
                            "toolUseId": "t",
                            "isError": True,
                            "content": [text("x")],
                        }
                    ],
                }
            ],
        )

    def test_data_is_never_recased(self) -> None:
        data = {"file_path": "a_b", "old_string": {"nested_name": [{"deep_er": 1}]}, "": None}
        use = {"type": "tool_use", "id": "t", "name": "Edit", "input": data}
        result = {"type": "tool_result", "tool_use_id": "t", "content": data}
        called, answered = turns_of(line("assistant", use), line("user", result))
        self.assertEqual(called["content"], [use])
        self.assertEqual(answered["content"][0]["content"], data)

    def test_what_the_user_says_is_no_turn(self) -> None:
        message = b'{"type":"user","message":{"role":"user","content":"prompt"}}'
        self.assertEqual(turns_of(message, line("user", text("prompt"))), [])

    def test_a_text_that_is_no_block(self) -> None:
        message = b'{"type":"assistant","message":{"content":"hello"}}'
        self.assertEqual(turns_of(message), [{"role": "assistant", "content": [text("hello")]}])

    def test_a_sub_agents_turns(self) -> None:
        result = {"type": "tool_result", "tool_use_id": "t", "content": ""}
        ours, theirs = turns_of(
            line("assistant", text("a"), **{_PARENT: None}),
            line("user", result, **{_PARENT: "toolu_1"}),
        )
        self.assertNotIn("parentToolUseId", ours)
        self.assertEqual(theirs["parentToolUseId"], "toolu_1")

    def test_what_is_none_of_claude_codes_lines(self) -> None:
        good = line("assistant", text("a"))
        strange = [
            b"", b"this is {no JSON", b"\xff", b"[]", b"1", b"null", b'{"type":1}', b"{}",
            b'{"type":"assistant"}', b'{"type":"assistant","message":null}',
            b'{"type":"assistant","message":[]}', b'{"type":"user","message":{}}',
            b'{"type":"user","message":{"content":[1,null,"x"]}}',
            b'{"type":"user","message":{"content":5}}',
            b'{"type":"assistant","message":{"content":5}}',
            b'{"type":"assistant","message":{"content":"\xff"}}',
            b"[" * 100_000, b'{"type":"assistant","message":' + b"[" * 100_000,
        ]  # fmt: skip
        turns = turns_of(*strange, good)
        self.assertEqual(turns[-1], {"role": "assistant", "content": [text("a")]})

    @given(st.binary())
    def test_any_bytes(self, data: bytes) -> None:
        turns_of(data, b'{"type":"assistant","message":' + data)

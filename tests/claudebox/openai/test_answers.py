"""From what Claude Code prints to OpenAI's answers; the lines are those of real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.openai.answers import DONE, ChunkStream, completion
from twisted_aigate.claudebox.openai.errors import openai_error

Line = dict[str, Any]


def captured(name: str) -> list[Line]:
    """The lines of a run; the last is its result."""
    path = Path(__file__).parent / "lines" / f"{name}.jsonl"
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert lines[-1]["type"] == "result"
    return lines


def without_pieces(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line["type"] != "stream_event"]


def stream(lines: list[Line], *, include_usage: bool = False) -> list[bytes]:
    chunks = ChunkStream("chatcmpl-1", 7, "sonnet", include_usage=include_usage)
    events = [event for line in lines[:-1] for event in chunks.line(line)]
    return events + chunks.finish(lines[-1])


def decoded(events: list[bytes]) -> list[Line]:
    *chunks, done = events
    assert done == DONE
    for chunk in chunks:
        assert chunk.startswith(b"data: {"), chunk
        assert chunk.endswith(b"}\n\n"), chunk
        assert chunk.count(b"\n") == 2, chunk
    return [msgspec.json.decode(chunk[len(b"data: ") :]) for chunk in chunks]


def texts(events: list[bytes], field: str = "content") -> list[str]:
    deltas = [choice["delta"] for chunk in decoded(events) for choice in chunk["choices"]]
    return [delta[field] for delta in deltas if delta.get(field)]


def assistant(*blocks: Line, **fields: Any) -> Line:
    message = {"id": fields.pop("id", "msg_1"), "content": list(blocks)}
    return {"type": "assistant", "message": message, "parent_tool_use_id": None, **fields}


def text(value: str) -> Line:
    return {"type": "text", "text": value}


def event(**event: Any) -> Line:
    return {"type": "stream_event", "event": event, "parent_tool_use_id": None}


def start(id: str = "msg_1") -> Line:
    return event(type="message_start", message={"id": id})


def block(kind: str = "text") -> Line:
    return event(type="content_block_start", content_block={"type": kind})


def piece(value: str) -> Line:
    return event(type="content_block_delta", delta={"type": "text_delta", "text": value})


RESULT: Line = {"type": "result", "subtype": "success", "result": "x", "stop_reason": "end_turn"}


class StreamTests(SynchronousTestCase):
    def test_texts(self) -> None:
        """Each text comes once, in pieces when there are any, and turns do not run together."""
        tool = ["Let ", "me. ", "\n\nAll ", "done, ", "friend. "]
        sub_agent = ["I ", "ask ", "another. ", "\n\nIt ", "is ", "done. "]
        for name, expected in (("tool", tool), ("sub_agent", sub_agent)):
            with self.subTest(name):
                self.assertEqual(texts(stream(captured(name))), expected)
                whole = texts(stream(without_pieces(captured(name))))
                self.assertEqual(len(whole), 2)
                self.assertEqual("".join(whole), "".join(expected))
        self.assertEqual(
            texts(stream(captured("sub_agent_whole"))), ["I ask another. ", "\n\nIt is done. "]
        )

    def test_thinking(self) -> None:
        pieces = ["Let ", "us ", "see. ", "\n\nEnough ", "now. "]
        self.assertEqual(texts(stream(captured("sub_agent")), "reasoning_content"), pieces)
        whole = texts(stream(captured("sub_agent_whole")), "reasoning_content")
        self.assertEqual(whole, ["Let us see. ", "\n\nEnough now. "])

    def test_the_order_is_that_of_the_run(self) -> None:
        chunks = decoded(stream(captured("sub_agent_whole")))
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        self.assertEqual(
            deltas,
            [
                {"role": "assistant", "content": ""},
                {"reasoning_content": "Let us see. "},
                {"content": "I ask another. "},
                {"reasoning_content": "\n\nEnough now. "},
                {"content": "\n\nIt is done. "},
                {},
            ],
        )

    def test_chunks(self) -> None:
        chunks = decoded(stream(captured("tool")))
        for chunk in chunks:
            head = {name: chunk[name] for name in ("id", "object", "created", "model")}
            expected = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7}
            self.assertEqual(head, {**expected, "model": "sonnet"})
            self.assertEqual(len(chunk["choices"]), 1)
            self.assertNotIn("usage", chunk)
        reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
        self.assertEqual(reasons, [None] * (len(chunks) - 1) + ["stop"])

    def test_usage(self) -> None:
        *others, last = decoded(stream(captured("tool"), include_usage=True))
        self.assertEqual([chunk["usage"] for chunk in others], [None] * len(others))
        self.assertEqual(last["choices"], [])
        self.assertEqual(last["model"], "sonnet")
        self.assertEqual(last["usage"]["total_tokens"], 34)

    def test_nothing_is_told_before_there_is_something_to_tell(self) -> None:
        """So that a run that fails at once can still be answered with its status."""
        chunks = ChunkStream("chatcmpl-1", 7, "sonnet", include_usage=False)
        for line in captured("unreachable")[:-1]:
            self.assertEqual(chunks.line(line), [])

    def test_what_only_the_result_says(self) -> None:
        self.assertEqual(texts(stream([RESULT])), ["x"])
        lines = [assistant(text("a")), RESULT]
        self.assertEqual(texts(stream(lines)), ["a"])

    def test_a_command_of_claude_code(self) -> None:
        told = "".join(texts(stream(captured("command"))))
        self.assertEqual(told, captured("command")[-1]["result"].rstrip())

    def test_no_text_at_all(self) -> None:
        chunks = decoded(stream([{**RESULT, "result": ""}]))
        self.assertEqual(
            [chunk["choices"][0]["delta"] for chunk in chunks],
            [{"role": "assistant", "content": ""}, {}],
        )

    def test_blocks(self) -> None:
        tool = {"type": "tool_use"}
        start1, start2 = start(), start("msg_2")
        for name, lines, expected in (
            ("blocks that follow each other are one text",
             [start1, block(), piece("a"), block(), piece("b")], ["a", "b"]),
            ("a tool parts texts", [start1, block(), piece("a"), block("tool_use"), block(),
                                    piece("b")], ["a", "\n\nb"]),
            ("a message parts texts", [start1, block(), piece("a"), start2, block(), piece("b")],
             ["a", "\n\nb"]),
            ("a message without text parts no more",
             [start1, block(), piece("a"), start2, block("tool_use"), start(), block(),
              piece("b"), piece("c")], ["a", "\n\nb", "c"]),
            ("an empty piece is none", [start1, block(), piece(""), piece("a")], ["a"]),
            ("whole blocks behind all pieces",
             [start1, block(), piece("a"), block(), piece("b"), assistant(text("a"), text("b"))],
             ["a", "b"]),
            ("whole blocks of equal text",
             [start1, block(), piece("a"), assistant(text("a")), block(), piece("a"),
              assistant(text("a"))], ["a", "a"]),
            ("a block that was cut", [start1, block(), piece("ab"), assistant(text("abcd"))],
             ["ab", "cd"]),
            ("a block that was begun anew", [start1, block(), piece("ab"), assistant(text("xy"))],
             ["ab", "\n\nxy"]),
            ("a message that was begun anew", [start1, block(), piece("ab"), start1, block(),
                                               piece("xy"), assistant(text("xy"))],
             ["ab", "\n\nxy"]),
            ("a message that was begun anew, and came whole",
             [start1, block(), piece("ab"), start1, assistant(text("ab"))], ["ab", "\n\nab"]),
            ("whole messages", [assistant(text("a")), assistant(text("b"), id="msg_2")],
             ["a", "\n\nb"]),
            ("whole blocks of a message", [assistant(text("a")), assistant(text("b"))], ["a", "b"]),
            ("a tool between whole blocks", [assistant(text("a"), tool, text("b"))],
             ["a", "\n\nb"]),
            ("what a sub-agent says", [assistant(text("a"), parent_tool_use_id="t"),
                                       {**piece("b"), "parent_tool_use_id": "t"},
                                       assistant(text("c"))], ["c"]),
            ("an error of the API", [assistant(text("API Error"), error="server_error"),
                                     assistant(text("c"))], ["c"]),
            ("what is not known", [{"type": "new"}, event(type="ping"), {}, block("new"),
                                   assistant({"type": "new"}, text("c"))], ["c"]),
        ):  # fmt: skip
            with self.subTest(name):
                self.assertEqual(texts(stream([*lines, RESULT])), expected)

    def test_an_error(self) -> None:
        chunks = ChunkStream("chatcmpl-1", 7, "sonnet", include_usage=False)
        self.assertEqual(
            chunks.error("It\nbroke", "api_error"),
            b'data: {"error":{"message":"It\\nbroke","type":"api_error","param":null,"code":null}}'
            b"\n\n",
        )


class CompletionTests(SynchronousTestCase):
    def test_an_answer(self) -> None:
        self.assertEqual(
            completion(captured("tool")[-1], "chatcmpl-1", 7, "sonnet"),
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 7,
                "model": "sonnet",
                "choices": [
                    {
                        "index": 0,
                        "message": {
                            "role": "assistant",
                            "content": "All done, friend. ",
                            "refusal": None,
                        },
                        "logprobs": None,
                        "finish_reason": "stop",
                    }
                ],
                "usage": {
                    "prompt_tokens": 20,
                    "completion_tokens": 14,
                    "total_tokens": 34,
                    "prompt_tokens_details": {"cached_tokens": 0},
                },
            },
        )

    def test_cached_tokens_are_of_the_prompt(self) -> None:
        usage = {
            "input_tokens": 1,
            "cache_read_input_tokens": 20,
            "cache_creation_input_tokens": 300,
            "output_tokens": 4000,
        }
        self.assertEqual(
            completion({**RESULT, "usage": usage}, "i", 7, "m")["usage"],
            {
                "prompt_tokens": 321,
                "completion_tokens": 4000,
                "total_tokens": 4321,
                "prompt_tokens_details": {"cached_tokens": 20},
            },
        )

    def test_finish_reasons(self) -> None:
        for stop_reason, expected in (
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            (None, "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("refusal", "content_filter"),
        ):
            result = {**RESULT, "stop_reason": stop_reason}
            with self.subTest(stop_reason):
                [choice] = completion(result, "i", 7, "m")["choices"]
                self.assertEqual(choice["finish_reason"], expected)
                last = decoded(stream([result]))[-1]
                self.assertEqual(last["choices"][0]["finish_reason"], expected)

    def test_a_run_that_had_no_turn_left(self) -> None:
        [choice] = completion(captured("max_turns")[-1], "i", 7, "m")["choices"]
        self.assertEqual((choice["finish_reason"], choice["message"]["content"]), ("length", ""))
        self.assertEqual(texts(stream(captured("max_turns"))), ["Let ", "me. "])


class ErrorTests(SynchronousTestCase):
    def test_types(self) -> None:
        for status, kind in (
            (400, "invalid_request_error"),
            (401, "authentication_error"),
            (403, "permission_error"),
            (404, "invalid_request_error"),
            (409, "invalid_request_error"),
            (422, "invalid_request_error"),
            (429, "rate_limit_error"),
            (500, "api_error"),
            (502, "api_error"),
            (504, "api_error"),
        ):
            with self.subTest(status):
                self.assertEqual(
                    msgspec.json.decode(openai_error(status, "Because.", "code")),
                    {"error": {"message": "Because.", "type": kind, "param": None, "code": "code"}},
                )
        self.assertIsNone(msgspec.json.decode(openai_error(400, "x"))["error"]["code"])

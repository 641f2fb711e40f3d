"""From a conversation of the Messages API to a chat's messages."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import HELLO, PDF, PIXEL, PIXEL_PART, deployment, request
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.conversation import chat_messages


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _chat(*messages: tuple[str, Any], system: Any = None, **info: object) -> list[dict[str, Any]]:
    asked = request(
        messages=[{"role": role, "content": content} for role, content in messages],
        **({} if system is None else {"system": system}),
    )
    return chat_messages(asked, deployment(**info))


def _result(**fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t1", **fields}


_USE = {"type": "tool_use", "id": "t1", "name": "get", "input": {"a": [1, "é"]}}
_CALL = {
    "id": "t1",
    "type": "function",
    "function": {"name": "get", "arguments": '{"a":[1,"é"]}'},
}


class SystemTests(SynchronousTestCase):
    """The system prompt, and system messages in the middle."""

    def test_forms(self) -> None:
        """Text, blocks, nothing."""
        for system, expected in (
            ("Be brief.", ["Be brief."]),
            ([_text("A"), {**_text("B"), "cache_control": {"type": "ephemeral"}}], ["A\n\nB"]),
            ([_text("x-anthropic-billing-header: cc_version=1; cch=2"), _text("A")], ["A"]),
            ("", []),
            ([], []),
            (None, []),
        ):
            with self.subTest(system):
                said = _chat(("user", "Hello"), system=system)
                self.assertEqual(
                    said, [{"role": "system", "content": each} for each in expected] + HELLO
                )

    def test_in_the_middle(self) -> None:
        """One stays where it is."""
        self.assertEqual(
            _chat(("user", "1"), ("system", "2"), ("system", [_text("3")]), ("assistant", "4")),
            [
                {"role": "user", "content": "1"},
                {"role": "system", "content": "2"},
                {"role": "system", "content": "3"},
                {"role": "assistant", "content": "4"},
            ],
        )


class UserTests(SynchronousTestCase):
    """What users say."""

    def test_content(self) -> None:
        """Each kind of block."""
        url = {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}
        url_part = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
        plain = {"type": "text", "media_type": "text/plain", "data": "words"}
        content = {"type": "content", "content": [_text("one"), PIXEL]}
        for blocks, expected in (
            ("Hello", "Hello"),
            ([_text("Hello")], "Hello"),
            ([_text("a"), _text(""), {**_text("b"), "cache_control": {}}], "a\n\nb"),
            ([PIXEL], [PIXEL_PART]),
            ([_text("see"), PIXEL, url], [_text("see"), PIXEL_PART, url_part]),
            ([{"type": "document", "source": plain}], "words"),
            (
                [{"type": "document", "source": plain, "title": "T", "context": "C"}],
                "T\nC\nwords",
            ),
            (
                [{"type": "document", "source": content, "title": "T", "citations": {}}],
                [_text("T\none"), PIXEL_PART],
            ),
            ([{"type": "document", "source": {"type": "content", "content": "x"}}], "x"),
            (
                [{"type": "search_result", "source": "s", "title": "t", "content": [_text("x")]}],
                "t\ns\nx",
            ),
            ([{"type": "not_known_yet", "text": 5, "source": []}, _text("a")], "a"),
        ):
            with self.subTest(blocks):
                self.assertEqual(_chat(("user", blocks)), [{"role": "user", "content": expected}])

    def test_nothing_said(self) -> None:
        """A message without anything that is known is left out."""
        for content in ("", [], [_text("")], [{"type": "container_upload", "file_id": "f"}]):
            with self.subTest(content):
                self.assertEqual(_chat(("user", content), ("user", "Hello")), HELLO)

    def test_pdf(self) -> None:
        """A PDF document goes to a model that reads them."""
        part = {
            "type": "file",
            "file": {
                "filename": "document.pdf",
                "file_data": "data:application/pdf;base64,JVBERg==",
            },
        }
        self.assertEqual(
            _chat(("user", [PDF]), supports_pdf_input=True), [{"role": "user", "content": [part]}]
        )
        [named] = _chat(("user", [{**PDF, "title": "T"}]), supports_pdf_input=True)
        self.assertEqual(named["content"][0], _text("T"))
        self.assertEqual(named["content"][1]["file"]["filename"], "T")

    def test_refusals(self) -> None:
        """What cannot be read or is malformed is a 400 that names the place."""
        image = {"type": "image"}
        document = {"type": "document"}
        for block, said in (
            (PDF, "PDF"),
            ({**image, "source": {"type": "file", "file_id": "f"}}, "'file'"),
            ({**document, "source": {"type": "file", "file_id": "f"}}, "'file'"),
            ({**document, "source": {"type": "url", "url": "https://x.test/a.pdf"}}, "'url'"),
            ({**document, "source": {"type": "base64", "media_type": "text/csv"}}, "'base64'"),
            (image, "source"),
            ({"type": "text"}, "text"),
            ({"type": "text", "text": 1}, "text"),
            ({"text": "x"}, "type"),
            ("x", "object"),
            (_result(content=[PDF]), "PDF"),
            ({"type": "tool_result"}, "tool_use_id"),
        ):
            with self.subTest(block):
                with self.assertRaises(GatewayError) as caught:
                    _chat(("user", "Hello"), ("user", [block]))
                self.assertEqual(caught.exception.status, 400)
                self.assertTrue(caught.exception.message.startswith("messages.1.content"))
                self.assertIn(said, caught.exception.message)


class ToolTests(SynchronousTestCase):
    """Calls and their results."""

    def test_call(self) -> None:
        """A call with words, and without."""
        for blocks, content in (([_text("Let me."), _USE], "Let me."), ([_USE], None)):
            [message] = _chat(("assistant", blocks))
            self.assertEqual(
                message, {"role": "assistant", "content": content, "tool_calls": [_CALL]}
            )

    def test_results(self) -> None:
        """Each form of a result."""
        for fields, expected in (
            ({"content": "x"}, "x"),
            ({"content": [_text("a"), _text("b")]}, "a\n\nb"),
            ({}, ""),
            ({"content": []}, ""),
            ({"content": "x", "is_error": False}, "x"),
            ({"content": "x", "is_error": True}, "Error: x"),
            ({"content": [{"type": "tool_reference", "tool_name": "n"}]}, ""),
        ):
            with self.subTest(fields):
                self.assertEqual(
                    _chat(("user", [_result(**fields)])),
                    [{"role": "tool", "tool_call_id": "t1", "content": expected}],
                )

    def test_order(self) -> None:
        """Results come right behind the calls, what else was said and their images after them."""
        second = {**_result(content=[_text("seen"), PIXEL]), "tool_use_id": "t2"}
        self.assertEqual(
            _chat(("user", [_text("before"), _result(content="x"), second, _text("after")])),
            [
                {"role": "tool", "tool_call_id": "t1", "content": "x"},
                {"role": "tool", "tool_call_id": "t2", "content": "seen"},
                {
                    "role": "user",
                    "content": [
                        _text("before"),
                        _text("Part of the result of t2:"),
                        PIXEL_PART,
                        _text("after"),
                    ],
                },
            ],
        )


class AssistantTests(SynchronousTestCase):
    """What the model said before."""

    def test_words(self) -> None:
        """Its blocks are pieces of one text; nothing is no message."""
        for content, expected in (
            ("x", ["x"]),
            ([_text("Par"), _text("is")], ["Paris"]),
            ([], []),
            ([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}], []),
            ([{"type": "thinking", "thinking": "hm", "signature": "reasoning:m"}], []),
        ):
            with self.subTest(content):
                self.assertEqual(
                    _chat(("assistant", content)),
                    [{"role": "assistant", "content": each} for each in expected],
                )

    def test_thoughts(self) -> None:
        """A model's own thoughts go back in the field they came in; others' do not."""
        for signature, expected in (
            ("reasoning_content:m", {"reasoning_content": "hm"}),
            ("reasoning:m", {"reasoning": "hm"}),
            ("reasoning_content:other", {}),
            ("content:m", {}),
            ("EqQBCgIYAhIM", {}),
            ("", {}),
        ):
            with self.subTest(signature):
                thought = {"type": "thinking", "thinking": "hm", "signature": signature}
                redacted = {"type": "redacted_thinking", "data": "x"}
                [message] = _chat(("assistant", [thought, redacted, _text("x")]))
                self.assertEqual(message, {"role": "assistant", "content": "x", **expected})


class ShapeTests(SynchronousTestCase):
    """What the typed models themselves refuse."""

    def test_wrong_requests(self) -> None:
        """A role, a number, an absence."""
        for fields in (
            {"messages": []},
            {"messages": [{"role": "tool", "content": "x"}]},
            {"messages": [{"role": "user"}]},
            {"messages": [{"role": "user", "content": 1}]},
            {"max_tokens": 0},
            {"max_tokens": "x"},
            {"tool_choice": {"type": "sometimes"}},
            {"stop_sequences": "x"},
        ):
            with self.subTest(fields):
                self.assertRaises(msgspec.ValidationError, request, **fields)

    def test_unknown_fields(self) -> None:
        """Fields of later versions are passed over."""
        request(betas=["x"], context_management={"edits": []}, container="c", mcp_servers=[{}])

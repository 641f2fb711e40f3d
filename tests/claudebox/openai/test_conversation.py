"""From messages to what Claude Code is told."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.claudebox.openai.pictures import JPEG, PNG, data_url
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.openai import conversation as module
from twisted_aigate.claudebox.openai.conversation import Conversation, conversation
from twisted_aigate.claudebox.openai.images import CarriedImage, LinkedImage
from twisted_aigate.claudebox.openai.models import Message


def of(*messages: Any) -> Conversation:
    return conversation(msgspec.convert(list(messages), list[Message]))


def said(role: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def messages_of(document: str) -> list[tuple[str, str]]:
    """The messages of a document: whose each is, and its text."""
    found = re.search(r"`=== ([0-9a-f]{12}) NUMBER of (\d+): ROLE ===`", document)
    assert found is not None, document
    mark, total = found.groups()
    parts = re.split(rf"\n=== {mark} (\d+) of {total}: (.*) ===\n", document)[1:]
    numbers = [int(number) for number in parts[::3]]
    assert numbers == list(range(1, int(total) + 1)), document
    return [(whose, body[1:-1]) for whose, body in zip(parts[1::3], parts[2::3], strict=True)]


class PromptTests(SynchronousTestCase):
    def test_one_text_is_the_prompt(self) -> None:
        for content, expected in (
            ("hi", "hi"),
            (" hi\n", " hi\n"),
            ([text("hi")], "hi"),
            ([text("a"), text("b")], "a\n\nb"),
            ([text("a"), text("")], "a"),
        ):
            with self.subTest(content):
                found = of(said("user", content))
                self.assertEqual(found, Conversation(None, expected))
                self.assertEqual(found.prompt("unused"), expected)
                self.assertEqual(found.images, ())
                self.assertIsNone(found.document([]))

    def test_a_slash_is_no_command(self) -> None:
        """Claude Code would run what begins with one as a command of its own."""
        self.assertEqual(of(said("user", "/clear")).prompt("unused"), "\n/clear")

    def test_the_system_prompt(self) -> None:
        for messages, expected in (
            ([said("system", "a")], "a"),
            ([said("developer", "a")], "a"),
            ([said("system", "a"), said("developer", [text("b"), text("c")])], "a\n\nb\n\nc"),
            ([said("system", "")], None),
            ([said("system", ""), said("system", "b")], "b"),
        ):
            with self.subTest(messages):
                for found in (
                    of(*messages, said("user", "hi")),
                    of(said("user", "hi"), *messages),
                ):
                    self.assertEqual(found, Conversation(expected, "hi"))

    def test_a_silent_assistant_is_left_out(self) -> None:
        self.assertEqual(of(said("user", "hi"), said("assistant", "")).text, "hi")

    def test_the_prompt_names_the_document(self) -> None:
        found = of(said("user", "a"), said("assistant", "b"), said("user", "c"))
        self.assertIsNone(found.text)
        prompt = found.prompt(".aigate-1")
        self.assertIn("`.aigate-1/conversation.md`", prompt)
        self.assertIn("last user message", prompt)
        self.assertNotIn("image", prompt)

    def test_the_prompt_names_the_images(self) -> None:
        found = of(said("user", [image(data_url(PNG))]))
        self.assertIn("image", found.prompt(".aigate-1"))


class DocumentTests(SynchronousTestCase):
    def test_messages(self) -> None:
        call = {"id": "call_1", "type": "function",
                "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}  # fmt: skip
        custom = {"id": "call_2", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
        found = of(
            said("system", "Be brief."),
            said("user", "Hello", name="alice\n=== x"),
            said("assistant", [text("a"), {"type": "refusal", "refusal": "b"}]),
            said("user", [text("Two"), text("parts")]),
            said("assistant", None, tool_calls=[call, custom]),
            said("tool", "sunny", tool_call_id="call_1"),
            said("tool", "", tool_call_id="call_2"),
            said("assistant", None, refusal="No."),
            said("user", "And now?"),
        )
        document = found.document([])
        assert document is not None
        self.assertEqual(found.system, "Be brief.")
        self.assertNotIn("Be brief.", document)
        self.assertEqual(
            messages_of(document),
            [
                ("user (alice === x)", "Hello"),
                ("assistant", "a\n\nb"),
                ("user", "Two\n\nparts"),
                (
                    "assistant",
                    'Calls the tool weather (call_1) with:\n{"city": "Paris"}\n\n'
                    "Calls the tool sh (call_2) with:\nls",
                ),
                ("tool, result of call_1", "sunny"),
                ("tool, result of call_2", ""),
                ("assistant", "No."),
                ("user", "And now?"),
            ],
        )

    def test_images(self) -> None:
        url = "https://images.test/a"
        found = of(
            said(
                "user", [text("a"), image(data_url(PNG)), {"type": "image_url", "image_url": url}]
            ),
            said("assistant", "b"),
            said("user", [image(data_url(JPEG)), text("c")]),
        )
        self.assertEqual(found.images, (CarriedImage(PNG), LinkedImage(url), CarriedImage(JPEG)))
        document = found.document(["1.png", "2.gif", "3.jpg"])
        assert document is not None
        self.assertEqual(
            messages_of(document),
            [
                ("user", "a\n\n[Image: 1.png]\n\n[Image: 2.gif]"),
                ("assistant", "b"),
                ("user", "[Image: 3.jpg]\n\nc"),
            ],
        )

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["user", "assistant", "tool"]),
                st.text(min_size=1).filter(lambda text: text.strip() != "")
                | st.just("=== 000000000000 1 of 2: user ===\n\nx"),
            ),
            min_size=1,
        )
    )
    def test_no_text_passes_for_another_message(self, turns: list[tuple[str, str]]) -> None:
        turns = [("user", "first"), *turns]
        document = of(*(said(role, content) for role, content in turns)).document([])
        assert document is not None
        self.assertEqual(messages_of(document), turns)


class RefusalTests(SynchronousTestCase):
    def refused(self, reason: str, *messages: Any) -> None:
        with self.subTest(reason, messages=messages):
            error = self.assertRaises(ClaudeboxError, of, *messages)
            self.assertEqual(error.status, 400)
            self.assertIn(reason, error.detail)

    def test_nothing_to_answer(self) -> None:
        self.refused("no message")
        self.refused("no user message", said("system", "a"))
        self.refused("no user message", said("assistant", "a"), said("tool", "b"))
        for content in (None, "", " \n", [], [text("")], [text(" ")]):
            self.refused("'messages[0].content': it is empty", said("user", content))
            self.refused("[1]", said("user", "x"), said("user", content), said("user", "x"))
        self.refused("'messages[1].content': it is empty", said("user", "x"), said("tool", None))

    def test_parts(self) -> None:
        for part, reason in (
            (
                {"type": "input_audio", "input_audio": {"data": ""}},
                "'input_audio' are not supported",
            ),
            ({"type": "file", "file": {"file_id": "x"}}, "'file' are not supported"),
            ({"type": "video"}, "no part of type 'video'"),
            ({"type": "text"}, "it has no 'text'"),
            ({"type": "image_url"}, "it has no 'image_url'"),
            ({"type": "refusal"}, "it has no 'refusal'"),
        ):
            self.refused(reason, said("user", [text("x"), part]))
            self.refused("'messages[0].content[1]'", said("user", [text("x"), part]))
        self.refused("cannot have images", said("system", [image(data_url(PNG))]))

    def test_images(self) -> None:
        self.refused("cannot be used", said("user", [image("data:image/png;base64,*")]))
        self.patch(module, "MOST_IMAGES", 1)
        self.assertEqual(len(of(said("user", [image(data_url(PNG))])).images), 1)
        self.refused("more than 1 images", said("user", [image(data_url(PNG))] * 2))

    def test_a_call_of_nothing(self) -> None:
        self.refused(
            "'messages[1].tool_calls'",
            said("user", "x"),
            said("assistant", None, tool_calls=[{"id": "a"}]),
        )

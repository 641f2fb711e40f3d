"""From items to a chat's messages."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.responses.examples import chat, messages
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError

_URL = "data:image/png;base64,QUJD"
_IMAGE = {"type": "input_image", "image_url": _URL, "detail": "low"}
_IMAGE_PART = {"type": "image_url", "image_url": {"url": _URL, "detail": "low"}}


def _call(name: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": name, "name": f"f_{name}", "arguments": "{}"}


def _called(name: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": f"f_{name}", "arguments": "{}"}}


def _output(name: str, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": name, "output": output}


class ConversationTests(SynchronousTestCase):
    """Items in, messages out."""

    def test_text(self) -> None:
        self.assertEqual(
            chat(input="Hi", instructions="Be brief.")["messages"],
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        )

    def test_roles(self) -> None:
        """With their type or without; developers are what chats call the system."""
        made = messages(
            {"role": "developer", "content": "D"},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "S"}]},
            {"role": "user", "content": "U"},
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "A", "annotations": []},
                    {"type": "refusal", "refusal": "R"},
                ],
            },
        )
        said = [(each["role"], each["content"]) for each in made]
        self.assertEqual(
            said, [("system", "D"), ("system", "S"), ("user", "U"), ("assistant", "A\n\nR")]
        )

    def test_parts(self) -> None:
        """Images, files and sounds as a chat has them; text stays in its place."""
        content = [
            {"type": "input_text", "text": "Look:"},
            _IMAGE,
            {"type": "input_image", "image_url": "https://a/b.png"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:x"},
            {"type": "input_file", "file_url": "https://a/b.pdf"},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "input_text", "text": ""},
        ]
        [message] = messages({"role": "user", "content": content})
        self.assertEqual(
            message["content"],
            [
                {"type": "text", "text": "Look:"},
                _IMAGE_PART,
                {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:x"}},
                {"type": "file", "file": {"file_id": "https://a/b.pdf"}},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            ],
        )

    def test_one_turn_is_one_message(self) -> None:
        """What was said and called side by side, with thoughts between, and then the results."""
        thought = {"type": "reasoning", "id": "rs_1", "summary": []}
        made = messages(
            {"role": "user", "content": "Q"},
            thought,
            {"role": "assistant", "content": "Let me look."},
            _call("a"),
            thought,
            _call("b"),
            _output("a", "A"),
            _output("b", "B"),
            _call("c"),
            _output("c", "C"),
        )
        turn = {"role": "assistant", "content": "Let me look."}
        self.assertEqual(
            made,
            [
                {"role": "user", "content": "Q"},
                {**turn, "tool_calls": [_called("a"), _called("b")]},
                {"role": "tool", "tool_call_id": "a", "content": "A"},
                {"role": "tool", "tool_call_id": "b", "content": "B"},
                {"role": "assistant", "content": None, "tool_calls": [_called("c")]},
                {"role": "tool", "tool_call_id": "c", "content": "C"},
            ],
        )

    def test_images_in_results(self) -> None:
        """They follow when all results are told: a chat has only text in them."""
        parts = [{"type": "input_text", "text": "A"}, _IMAGE]
        beside = {
            "role": "user",
            "content": [{"type": "text", "text": "Part of the result of a:"}, _IMAGE_PART],
        }
        results = [
            {"role": "tool", "tool_call_id": "a", "content": "A"},
            {"role": "tool", "tool_call_id": "b", "content": "B"},
        ]
        items = [_call("a"), _call("b"), _output("a", parts), _output("b", "B")]
        self.assertEqual(messages(*items)[1:], [*results, beside])
        after = messages(*items, {"role": "user", "content": "So?"})
        self.assertEqual(after[1:], [*results, beside, {"role": "user", "content": "So?"}])

    def test_refused(self) -> None:
        """What a chat has nothing for is named."""
        for item, param, said in (
            ({"type": "web_search_call", "id": "x"}, "input[0]", "'web_search_call'"),
            ({"type": "item_reference", "id": "x"}, "input[0]", "'item_reference'"),
            ({"role": "robot", "content": "x"}, "input[0]", "robot"),
            (_output("a", 5), "input[0]", "Expected"),
            (
                {"role": "user", "content": [{"type": "input_image", "file_id": "f"}]},
                "input[0].content[0]",
                "file_id",
            ),
            (
                {"role": "user", "content": [{"type": "hologram"}]},
                "input[0].content[0]",
                "hologram",
            ),
            ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0]", "needs"),
            ({"role": "user", "content": [{}]}, "input[0].content[0]", "type"),
        ):
            with self.subTest(said):
                error = self.assertRaises(GatewayError, messages, item)
                self.assertEqual((error.status, error.param), (400, param))
                self.assertIn(said, error.message)

    def test_lenient(self) -> None:
        """With drop_params other items are passed over."""
        to = Deployment("m", "openai", "x", drop_params=True)
        made = chat(to, input=[{"type": "web_search_call"}, {"role": "user", "content": "x"}])
        self.assertEqual(made["messages"], [{"role": "user", "content": "x"}])

    def test_nothing(self) -> None:
        """A chat needs a message."""
        for given in (None, [], "", [{"type": "reasoning"}]):
            error = self.assertRaises(GatewayError, chat, input=given)
            self.assertEqual((error.status, error.param), (400, "input"))

"""The request."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.openai.models import ChatRequest, ImageURL, model_name


def request(**fields: object) -> ChatRequest:
    messages = [{"role": "user", "content": "hi"}]
    body = msgspec.json.encode({"model": "sonnet", "messages": messages, **fields})
    return msgspec.json.decode(body, type=ChatRequest)


class RequestTests(SynchronousTestCase):
    def test_other_fields_are_ignored(self) -> None:
        plain = request()
        for fields in (
            {"temperature": 9, "top_p": None, "max_tokens": 1, "max_completion_tokens": "x"},
            {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"},
            {"n": 2, "stop": ["x"], "seed": 1, "logprobs": True, "logit_bias": {}, "user": "u"},
            {"response_format": {"type": "json_object"}, "service_tier": "auto", "store": True},
            {"never_heard_of": [1]},
        ):
            with self.subTest(fields):
                self.assertEqual(request(**fields), plain)

    def test_usage(self) -> None:
        for options, expected in (
            (None, False),
            ({}, False),
            ({"include_usage": False}, False),
            ({"include_usage": None}, False),
            ({"include_usage": True}, True),
        ):
            self.assertIs(request(stream_options=options).include_usage, expected)
        self.assertFalse(request().include_usage)

    def test_effort(self) -> None:
        for asked, expected in (
            (None, None), ("none", "low"), ("minimal", "low"), ("low", "low"),
            ("medium", "medium"), ("high", "high"), ("xhigh", "max"), ("max", "max"),
        ):  # fmt: skip
            with self.subTest(asked):
                self.assertEqual(request(reasoning_effort=asked).effort, expected)

    def test_images(self) -> None:
        for given, expected in (
            ("http://a/", "http://a/"),
            ({"url": "http://a/", "detail": "low"}, ImageURL("http://a/")),
        ):
            content = [{"type": "image_url", "image_url": given}]
            [message] = request(messages=[{"role": "user", "content": content}]).messages
            assert isinstance(message.content, list)
            self.assertEqual(message.content[0].image_url, expected)

    def test_what_is_no_request(self) -> None:
        for fields, where in (
            ({"model": ""}, "$.model"),
            ({"model": 1}, "$.model"),
            ({"messages": "hi"}, "$.messages"),
            ({"messages": [{"role": "king", "content": "x"}]}, "$.messages[0].role"),
            ({"messages": [{"content": "x"}]}, "`role`"),
            ({"messages": [{"role": "user", "content": 1}]}, "$.messages[0].content"),
            ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "`type`"),
            ({"stream": "yes"}, "$.stream"),
            ({"reasoning_effort": "huge"}, "$.reasoning_effort"),
        ):
            with self.subTest(fields):
                error = self.assertRaises(msgspec.ValidationError, lambda: request(**fields))  # noqa: B023
                self.assertIn(where, str(error))


class ModelNameTests(SynchronousTestCase):
    def test_names(self) -> None:
        for text, expected in (
            ("haiku", "haiku"),
            ("opusplan", "opusplan"),
            ("claudebox/sonnet", "sonnet"),
            ("claudebox-zai/opus", "opus"),
            ("anthropic/haiku", "haiku"),
            ("openai/claudebox/sonnet", "sonnet"),
            ("claude-opus-4-8", "claude-opus-4-8"),
            ("anthropic/claude-opus-4-8[1m]", "claude-opus-4-8[1m]"),
            ("claudebox/anthropic/claude-opus-4-8", "claude-opus-4-8"),
            ("sonnet[1m]", "sonnet[1m]"),
            ("glm-4.7", "glm-4.7"),
            ("claudebox-zai/glm-4.5-air", "glm-4.5-air"),
            ("local/smollm2", "local/smollm2"),
            ("us.anthropic.claude-x-v1:0", "us.anthropic.claude-x-v1:0"),
        ):
            with self.subTest(text):
                self.assertEqual(model_name(text), expected)

    def test_what_is_no_name(self) -> None:
        for text in (
            "",
            "claudebox/",
            "-p",
            "claudebox/--help",
            "a b",
            "a\0b",
            "a\n",
            "é",
            "a" * 300,
        ):
            with self.subTest(text):
                error = self.assertRaises(ClaudeboxError, model_name, text)
                self.assertEqual(error.status, 400)

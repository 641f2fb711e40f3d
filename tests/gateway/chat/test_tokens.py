"""The estimate of tokens."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import PDF, PIXEL, deployment, request
from twisted_aigate.gateway.chat.tokens import tokens_of_text
from twisted_aigate.gateway.messages.service import count_tokens


def _count(**fields: Any) -> int:
    return count_tokens(request(**fields), deployment(supports_pdf_input=True))


def _said(content: Any) -> Any:
    return [{"role": "user", "content": content}]


class TokenTests(SynchronousTestCase):
    """What counts, and how much."""

    def test_text(self) -> None:
        """A token for every four bytes begun."""
        for text, expected in (("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é" * 4, 2)):
            self.assertEqual(tokens_of_text(text), expected)

    def test_everything_counts(self) -> None:
        """Each part of a prompt adds what it has."""
        words = "word" * 100
        base = _count(messages=_said("x"))
        use = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": words}}
        result = {"type": "tool_result", "tool_use_id": "t", "content": words}
        assistant = [{"role": "assistant", "content": [use]}]
        schema = {"type": "object", "description": words}
        for fields, least, most in (
            ({"messages": _said(words + "x")}, 100, 100),
            ({"messages": _said("x"), "system": words}, 104, 104),
            ({"messages": _said("x") + assistant}, 104, 112),
            ({"messages": [*_said([result]), *_said("x")]}, 104, 104),
            ({"tools": [{"name": "f", "input_schema": schema}]}, 110, 140),
            ({"output_format": {"type": "json_schema", "schema": schema}}, 105, 140),
            ({"messages": _said([{"type": "text", "text": "x"}, PIXEL])}, 1600, 1600),
            ({"messages": _said([PDF, {"type": "text", "text": "x"}])}, 1600, 1600),
        ):
            with self.subTest(fields):
                added = _count(**{"messages": _said("x"), **fields}) - base
                self.assertGreaterEqual(added, least)
                self.assertLessEqual(added, most)

    def test_what_the_model_does_not_read(self) -> None:
        """What is left out of the chat is not counted."""
        base = _count(messages=_said("x"))
        thought = {"type": "thinking", "thinking": "word" * 100, "signature": "s"}
        search = {"type": "web_search_20250305", "name": "web_search"}
        fields = {"messages": [*_said("x"), {"role": "assistant", "content": [thought]}]}
        self.assertEqual(_count(**fields, tools=[search]), base)

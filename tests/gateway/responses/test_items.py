"""Items as they are listed, and as they go to another provider."""

from __future__ import annotations

from typing import Any

import msgspec
from openai.types.responses import ResponseItem
from twisted.trial.unittest import SynchronousTestCase

from tests.support.vendor_types import problems
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.items import listed, portable

_GIVEN: list[dict[str, Any]] = [
    {"role": "user", "content": "U"},
    {"role": "assistant", "content": "A"},
    {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "u"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": None},
    {"type": "function_call_output", "call_id": "c", "output": "R"},
    {"type": "reasoning", "id": "rs_own", "summary": []},
]


def _raw(items: list[dict[str, Any]]) -> list[msgspec.Raw]:
    return [msgspec.Raw(msgspec.json.encode(item)) for item in items]


class ListedTests(SynchronousTestCase):
    """What C{input_items} lists."""

    def test_text(self) -> None:
        [item] = listed("Hello")
        self.assertEqual(item["content"], [{"type": "input_text", "text": "Hello"}])
        self.assertEqual((item["type"], item["role"]), ("message", "user"))

    def test_all_kinds(self) -> None:
        """Each is what the client has a type for, with an id of its kind, or its own."""
        items = listed(_raw(_GIVEN))
        for item in items:
            self.assertEqual(problems(item, ResponseItem), [])
        prefixes = [item["id"].partition("_")[0] for item in items]
        self.assertEqual(prefixes, ["msg", "msg", "msg", "fc", "fco", "rs"])
        self.assertEqual(items[-1]["id"], "rs_own")

    def test_no_object(self) -> None:
        error = self.assertRaises(GatewayError, listed, [msgspec.Raw(b"5")])
        self.assertEqual((error.status, error.param), (400, "input"))


class PortableTests(SynchronousTestCase):
    """What goes to a provider that does not know the items."""

    def test_without_ids_and_thoughts(self) -> None:
        items = list(portable(_raw(listed(_raw(_GIVEN)))))
        self.assertEqual(len(items), len(_GIVEN) - 1)
        self.assertEqual([item for item in items if "id" in item], [])

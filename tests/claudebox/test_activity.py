"""What Claude Code is doing, in a few words."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.activity import activity


def told(*blocks: dict[str, Any], kind: str = "assistant") -> str | None:
    """What a line with these blocks tells of."""
    return activity(json.dumps({"type": kind, "message": {"content": list(blocks)}}).encode())


class ActivityTests(SynchronousTestCase):
    """activity."""

    def test_tools_and_words(self) -> None:
        """The last of them; of many words the first."""
        words = {"type": "text", "text": "Let me\n look."}
        self.assertEqual(told(words), "Let me look.")
        self.assertEqual(told(words, {"type": "tool_use", "name": "Bash"}), "uses Bash")
        self.assertEqual(len(told({"type": "text", "text": "a " * 1000}) or ""), 200)

    def test_what_tells_nothing(self) -> None:
        """Other lines, and what is none of Claude Code's."""
        self.assertIsNone(told({"type": "text", "text": "x"}, kind="user"))
        self.assertIsNone(told({"type": "thinking", "thinking": "hm"}))
        self.assertIsNone(told())
        for line in (b"{", b"[]", b'{"type": "assistant"}', b"[" * 100_000):
            self.assertIsNone(activity(line))

"""What the bodies of key management make of a key."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import VirtualKey
from twisted_aigate.gateway.keys.requests import KeyFields, changed

_KEY = VirtualKey("token", "sk-...abcd", 0.0, 0.0, metadata={"kept": 1})


class McpServersTests(SynchronousTestCase):
    """The MCP servers that a key may use."""

    def change(self, key: VirtualKey = _KEY, **fields: Any) -> VirtualKey:
        return changed(key, KeyFields(**fields), 1.0)

    def test_given_by_name(self) -> None:
        """They stand in the metadata, beside what stands there."""
        key = self.change(allowed_mcp_servers=["hybrids3"])
        self.assertEqual(key.mcp_servers, ["hybrids3"])
        self.assertEqual(key.metadata["kept"], 1)
        self.assertEqual(self.change(key, models=["m"]).mcp_servers, ["hybrids3"])
        self.assertEqual(self.change(key, allowed_mcp_servers=None).mcp_servers, [])

    def test_none_unless_given(self) -> None:
        """A key has no tools by itself."""
        self.assertEqual(list(self.change().mcp_servers), [])

    def test_given_as_metadata(self) -> None:
        """A list of names, or it is refused."""
        key = self.change(metadata={"allowed_mcp_servers": ["claudebox"]})
        self.assertEqual(key.mcp_servers, ["claudebox"])
        for wrong in ("claudebox", [1], {"claudebox": True}):
            with self.assertRaises(GatewayError) as caught:
                self.change(metadata={"allowed_mcp_servers": wrong})
            self.assertEqual(caught.exception.status, 400)

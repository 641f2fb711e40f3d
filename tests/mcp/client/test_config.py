"""C{mcp_servers} in the configuration, and events as they come."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import Configuration, SettingsError, read_settings
from twisted_aigate.mcp.client.config import ServerConfig, configured_servers
from twisted_aigate.mcp.client.events import EventReader, ServerEvent


def read(servers: Any) -> tuple[ServerConfig, ...]:
    """The servers of a configuration."""
    settings = read_settings({"LITELLM_MASTER_KEY": "sk-m", "AIGATE_CONFIG": "c.yaml"})
    configuration = Configuration(settings, {}, {"mcp_servers": servers})
    return configured_servers(configuration, frozenset(("hybrids3",)))


class ConfiguredServersTests(SynchronousTestCase):
    """configured_servers."""

    def one(self, **entry: Any) -> ServerConfig:
        (server,) = read({"one": entry})
        return server

    def test_transports(self) -> None:
        """A URL is streamable HTTP, if nothing else is said; a command is started."""
        http = self.one(url="https://a.example/mcp/")
        self.assertEqual((http.url, http.sse), ("https://a.example/mcp/", False))
        self.assertTrue(self.one(url="http://a.example/sse", transport="sse").sse)
        stdio = self.one(command="npx", args=["-y", "x"], env={"A": "b", "UNSET": None})
        self.assertEqual((stdio.url, stdio.command), (None, ("npx", "-y", "x")))
        self.assertEqual(stdio.environment, {"A": "b"})

    def test_authentication(self) -> None:
        """As LiteLLM sends it."""
        for kind, value, field in (
            ("none", None, None),
            ("bearer_token", "t", (b"Authorization", b"Bearer t")),
            ("api_key", "k", (b"X-API-Key", b"k")),
            ("authorization", "Token t", (b"Authorization", b"Token t")),
            ("basic", "me:secret", (b"Authorization", b"Basic bWU6c2VjcmV0")),
            ("basic", "bWU6c2VjcmV0", (b"Authorization", b"Basic bWU6c2VjcmV0")),
        ):
            server = self.one(url="http://a", auth_type=kind, auth_value=value)
            self.assertEqual(server.fields, () if field is None else (field,))
        static = self.one(url="http://a", static_headers={"X-A": "b", "X-Unset": None})
        self.assertEqual(static.fields, ((b"X-A", b"b"),))

    def test_secrets(self) -> None:
        """What it is sent, without what stands before; and its environment."""
        sent = {"url": "http://a", "auth_type": "bearer_token", "auth_value": "0123456789"}
        self.assertEqual(self.one(**sent).secrets, ("0123456789",))
        given = {"TOKEN": "9876543210", "DEBUG": "1"}
        self.assertEqual(self.one(command="x", env=given).secrets, ("9876543210",))

    def test_allowed_tools(self) -> None:
        """All, if nothing is said."""
        self.assertIsNone(self.one(url="http://a").allowed_tools)
        allowed = self.one(url="http://a", allowed_tools=["x"]).allowed_tools
        self.assertEqual(allowed, frozenset(("x",)))

    def test_what_cannot_be_used(self) -> None:
        """Said with the server's name; never with its key."""
        for name, entry in (
            ("with-hyphen", {"url": "http://a"}),
            ("hybrids3", {"url": "http://a"}),
            ("one", {}),
            ("one", {"url": "ftp://a"}),
            ("one", {"transport": "http", "command": "x"}),
            ("one", {"transport": "smoke", "url": "http://a"}),
            ("one", {"url": "http://a", "auth_type": "bearer_token"}),
            ("one", {"url": "http://a", "auth_type": "bearer_token", "auth_value": "s\necret"}),
        ):
            with self.subTest(f"{name} {entry}"):
                with self.assertRaises(SettingsError) as caught:
                    read({name: entry})
                self.assertIn(f"mcp_servers: {name}", str(caught.exception))
                self.assertNotIn("ecret", str(caught.exception))
        with self.assertRaises(SettingsError):
            read(["one"])
        self.assertEqual(read({}), ())


class EventReaderTests(SynchronousTestCase):
    """EventReader."""

    def test_however_they_are_cut(self) -> None:
        """Names, ids and data; comments and events without data are passed over."""
        stream = (
            b": hello\r\nid: 1\nretry: 500\ndata: \n\nevent: endpoint\ndata: /x\n\n"
            b"id: 2\r\ndata: a\r\ndata:b\r\n\r\nretry: soon\ndata: c\n\n"
        )
        expected = [
            ServerEvent("endpoint", "1", b"/x"),
            ServerEvent("message", "2", b"a\nb"),
            ServerEvent("message", "2", b"c"),
        ]
        for size in range(1, len(stream) + 1):
            taken: list[ServerEvent] = []
            reader = EventReader(taken.append)
            for start in range(0, len(stream), size):
                reader.write(stream[start : start + size])
            self.assertEqual(taken, expected)
            self.assertEqual((reader.last_id, reader.retry), ("2", 0.5))

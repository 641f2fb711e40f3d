"""Where commands look for the server, and what people read."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.cli.server import server_url
from twisted_aigate.cli.table import CommandFailed, table
from twisted_aigate.kernel.settings import Settings, read_settings


def settings(**variables: str) -> Settings:
    return read_settings({"LITELLM_MASTER_KEY": "sk", **variables})


class UrlTests(SynchronousTestCase):
    def test_it_is_where_the_configuration_has_it(self) -> None:
        for variables, url in (
            ({}, "http://127.0.0.1:4000"),
            ({"AIGATE_PORT": "4100"}, "http://127.0.0.1:4100"),
            ({"AIGATE_LISTEN": "tcp:80"}, "http://127.0.0.1:80"),
            ({"AIGATE_LISTEN": "ssl:443:certKey=c; tcp:port=81"}, "http://127.0.0.1:81"),
        ):
            self.assertEqual(server_url(settings(**variables)), url)

    def test_without_a_plain_port_it_must_be_told(self) -> None:
        for listen in ("ssl:443:certKey=c", "unix:/run/tcp:80"):
            error = self.assertRaises(CommandFailed, server_url, settings(AIGATE_LISTEN=listen))
            self.assertIn("--url", str(error))


class TableTests(SynchronousTestCase):
    def test_columns_are_as_wide_as_what_is_in_them(self) -> None:
        rows = [("a", "long cell", "x"), ("longer", "b", "")]
        self.assertEqual(
            table(("ONE", "TWO", "THREE"), rows),
            "ONE     TWO        THREE\na       long cell  x\nlonger  b",
        )

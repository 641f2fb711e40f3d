"""The models of a provider come and go with its key and its switch, without a restart."""

from __future__ import annotations

import json
import signal
import urllib.request

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.server import MASTER_KEY, Server


class ShippedModelTests(SynchronousTestCase):
    """A server whose C{.env} changes."""

    def setUp(self) -> None:
        self.server = Server().wait_until_up()
        self.addCleanup(self.server.stop)

    def reload(self, env: str) -> None:
        """Have another C{.env}."""
        before = self.server.log.count("reloaded; on:")
        (self.server.folder / ".env").write_text(env)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for_log(rf"(?s)(reloaded; on:.*){{{before + 1}}}")

    def models(self) -> set[str]:
        """The names in the list."""
        request = urllib.request.Request(
            f"{self.server.url}/v1/models", headers={"Authorization": f"Bearer {MASTER_KEY}"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return {model["id"] for model in json.load(response)["data"]}

    def test_reload(self) -> None:
        """On with the key, off with the switch, on with the switch alone."""
        self.assertEqual(self.models(), set())
        self.reload("GROQ_API_KEY=gsk-1\nSPEACHES=1\n")
        self.assertLessEqual({"groq-gpt-oss-120b", "speaches-kokoro", "default"}, self.models())
        self.reload("GROQ_API_KEY=gsk-1\nGROQ=0\n")
        self.assertEqual(self.models(), set())
        (self.server.folder / ".env").write_text("GROQ=perhaps\n")
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for_log("not reloaded, nothing has changed: GROQ")
        self.assertEqual(self.models(), set())

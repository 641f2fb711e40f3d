"""C{aigate keys} and C{aigate bench}, which ask a running server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.raw import send
from tests.end_to_end.server import MASTER_KEY, Server, environment

_AIGATE = Path(sys.executable).with_name("aigate")
_CONFIG = """
model_list:
  - {model_name: m, litellm_params: {model: openai/x, api_base: "http://127.0.0.1:9", mock_response: Hi}}
  - {model_name: down, litellm_params: {model: openai/x, api_base: "http://127.0.0.1:9"}}
router_settings: {num_retries: 0}
"""  # noqa: E501


class ServerCommandTests(SynchronousTestCase):
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(_CONFIG).wait_until_up()
        (cls.server.folder / ".env").write_text(
            f"LITELLM_MASTER_KEY={MASTER_KEY}\nAIGATE_PORT={cls.server.port}\n"
        )

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def run_command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it where C{.env} is."""
        return subprocess.run(
            [str(_AIGATE), *arguments],
            cwd=self.server.folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def said(self, *arguments: str) -> str:
        """What one that succeeds says."""
        done = self.run_command(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def refused(self, *arguments: str, **variables: str) -> str:
        """What one that fails says, in its only line."""
        done = self.run_command(*arguments, **variables)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        [line] = done.stderr.splitlines()
        return line

    def answers(self, key: str) -> int:
        """What somebody with a key is answered."""
        head = f"GET /models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        return send(self.server.port, f"{head}Connection: close\r\n\r\n".encode()).status

    def test_the_life_of_a_key(self) -> None:
        """Made, listed, looked at, blocked, unblocked, deleted: by its alias, and it holds."""
        key = self.said(
            *("keys", "generate", "--alias", "bob", "--models", "m,claude-*", "--rpm", "60"),
            *("--max-budget", "5", "--budget-duration", "30d", "--duration", "90d"),
        ).strip()
        self.assertEqual(self.answers(key), 200)
        heads, row = self.said("keys", "list").splitlines()
        self.assertTrue(heads.startswith("ALIAS"))
        for cell in ("bob", "open", "$0.0000", "$5.00/30d", "60 rpm", "m, claude-*"):
            self.assertIn(cell, row)
        self.assertNotIn(key, row)
        info: Any = json.loads(self.said("keys", "info", "bob", "--json"))
        self.assertEqual((info["key_alias"], info["max_budget"]), ("bob", 5.0))
        self.assertIn("rpm_limit: 60", self.said("keys", "info", key))
        self.assertIn("blocked", self.said("keys", "block", "bob"))
        self.assertEqual(self.answers(key), 401)
        self.assertIn("open", self.said("keys", "unblock", info["token"]))
        self.assertEqual(self.answers(key), 200)
        self.assertEqual(self.said("keys", "delete", "bob"), "deleted: 1\n")
        self.assertEqual(self.answers(key), 401)
        self.assertIn("There are no keys", self.said("keys", "list"))
        self.assertEqual(json.loads(self.said("keys", "list", "--json")), [])

    def test_what_the_server_refuses_is_said_in_its_words(self) -> None:
        self.assertIn("no key with the alias 'nobody'", self.refused("keys", "block", "nobody"))
        refused = self.refused("keys", "generate", "--duration", "soon")
        self.assertTrue(refused.startswith("aigate: ") and "duration" in refused, refused)
        wrong = self.refused("keys", "list", LITELLM_MASTER_KEY="sk-of-another-server")
        self.assertTrue(wrong.startswith("aigate: "))
        self.assertNotIn("sk-of-another-server", wrong)

    def test_no_server(self) -> None:
        for command in (("keys", "list"), ("bench",)):
            self.assertIn(
                "no answer from http://127.0.0.1:9",
                self.refused(*command, "--url", "http://127.0.0.1:9"),
            )
        self.assertIn("no http or https URL", self.refused("bench", "--url", "ftp://x"))

    def test_a_bench(self) -> None:
        """Each call is answered and timed, streamed or not."""
        for more in ((), ("--stream",)):
            told = json.loads(
                self.said("bench", "--model", "m", "--requests", "20", "--json", *more)
            )
            self.assertEqual(told["statuses"], {"200": 20})
            self.assertGreater(told["requests_per_second"], 0)
            self.assertGreaterEqual(told["latency_ms"]["p99"], told["latency_ms"]["p50"])
            self.assertGreaterEqual(told["latency_ms"]["p50"], told["first_chunk_ms"]["p50"])
        text = self.said("bench", "--model", "m", "--requests", "3", "--concurrency", "9")
        self.assertIn("9 at once: 3 times 200", text)
        self.assertIn("first chunk", text)

    def test_a_bench_of_what_does_not_answer(self) -> None:
        self.assertIn("'nothing'", self.refused("bench", "--model", "nothing"))
        self.assertTrue(self.refused("bench", "--model", "down").startswith("aigate: "))

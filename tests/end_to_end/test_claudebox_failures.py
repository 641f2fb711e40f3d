"""Runs that fail: the API refuses, breaks off or is gone, Claude Code dies or is not there."""

from __future__ import annotations

import os
import signal
from typing import Any

from tests.end_to_end.anthropic_server import ANTHROPIC_KEY, ScriptedAnthropic
from tests.end_to_end.anthropic_steps import Always, BreakStream, Die, Refuse, Say, Step
from tests.end_to_end.claudebox_server import ClaudeboxServer, ClaudeboxTestCase


class ApiTests(ClaudeboxTestCase):
    """What goes wrong at the API."""

    def failure(self, step: Step, *said: str) -> Any:
        """The failure of a run whose every request ends so: it says so, and tells no secret."""
        self.anthropic.script(self.name, Always(step))
        answer = self.server.run(self.name, self.name)
        self.assertEqual(answer.status, 502, answer.body)
        failure = answer.value
        self.assertEqual((failure["status"], failure["exitCode"]), ("failed", 1))
        self.assertIsInstance(failure["stderr"], str)
        self.assertIs(failure["result"]["isError"], True)
        for text in said:
            self.assertIn(text, failure["detail"])
        kept = self.server.result(failure["runId"])
        self.assertEqual((kept.status, kept.value["status"]), (200, "failed"))
        for body in (answer.body, kept.body, self.server.log.encode()):
            self.assertNotIn(ANTHROPIC_KEY.encode(), body)
        return failure

    def test_refused_key(self) -> None:
        """401, whose text repeats the key."""
        told = f"the key {ANTHROPIC_KEY} is not valid"
        failure = self.failure(Refuse(401, message=told), "Failed to authenticate", "****")
        self.assertEqual(failure["result"]["apiErrorStatus"], 401)

    def test_rate_limited(self) -> None:
        """429."""
        failure = self.failure(Refuse(429))
        self.assertEqual(failure["result"]["apiErrorStatus"], 429)

    def test_overloaded(self) -> None:
        """529."""
        failure = self.failure(Refuse(529))
        self.assertEqual(failure["result"]["apiErrorStatus"], 529)

    def test_broken_stream(self) -> None:
        """Events that are none."""
        self.failure(BreakStream())

    def test_dies_in_mid_stream(self) -> None:
        """A connection that is cut."""
        self.failure(Die(), "ECONNRESET")

    def test_works_again(self) -> None:
        """The workspace of a run that failed takes the next, in the same session."""
        failure = self.failure(Refuse(500))
        self.anthropic.script(f"{self.name} again", Say("Here I am."))
        result = self.run_it("again")
        self.assertEqual(result["result"], "Here I am.")
        self.assertEqual(result["sessionId"], failure["result"]["sessionId"])


class ProcessTests(ClaudeboxTestCase):
    """What goes wrong with Claude Code itself."""

    def test_killed(self) -> None:
        """A process that is killed from elsewhere; what it has started goes too."""
        pending = self.hang()
        for line in self.server.run_processes():
            if "--print" in line:
                os.kill(int(line.partition(":")[0]), signal.SIGKILL)
        answer = pending.answer()
        self.assertEqual((answer.status, answer.value["exitCode"]), (502, None))
        self.assertIn("was killed", answer.value["detail"])
        self.assertEqual(self.server.run_processes(), [])

    def test_stderr(self) -> None:
        """What Claude Code writes to standard error is told, without the account's key."""
        answer = self.server.run("hello", self.name, resume=f"no {ANTHROPIC_KEY}")
        self.assertEqual((answer.status, answer.value["exitCode"]), (502, 1))
        self.assertIn('Provided value "no ****" is not', answer.value["stderr"])
        self.assertNotIn(ANTHROPIC_KEY, answer.body.decode())


class NotInstalledTests(ClaudeboxTestCase):
    """There is no Claude Code."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.anthropic = ScriptedAnthropic()
        cls.server = ClaudeboxServer(cls.anthropic, CLAUDEBOX="1", CLAUDE_BIN="/nowhere/claude")
        cls.server.wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.anthropic.stop()

    def test_missing(self) -> None:
        """503 says how to install it, in OpenAI's words where those are spoken; files work."""
        answer = self.server.run("hello", self.name)
        self.assertEqual(answer.status, 503)
        self.assertIn("npm install -g @anthropic-ai/claude-code", answer.value["detail"])
        asked = {"model": "haiku", "messages": [{"role": "user", "content": "hello"}]}
        answer = self.server.call("POST", "/openai/v1/chat/completions", asked)
        self.assertEqual(answer.status, 503)
        self.assertIn("npm install", answer.value["error"]["message"])
        self.assertEqual(self.server.status(), {"busyWorkspaces": [], "runs": []})
        self.assertEqual(self.server.call("PUT", f"/files/{self.name}/f", b"x").status, 200)

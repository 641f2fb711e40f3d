"""The scripted Anthropic server, as the real Claude Code meets it."""

from __future__ import annotations

import json
import os
import signal
import threading
import uuid
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.anthropic_server import ANTHROPIC_KEY, USAGE, ScriptedAnthropic
from tests.end_to_end.anthropic_steps import (
    Always,
    BreakStream,
    Die,
    Hold,
    LongOutput,
    Refuse,
    Say,
    Slow,
    Step,
    StructuredOutput,
    UseTool,
)
from tests.end_to_end.claude_code import Ended, claude, end_of, run_claude, start_claude
from tests.support.waiting import eventually

_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
}
_ONE_RETRY = {"CLAUDE_CODE_MAX_RETRIES": "1"}


class RealClaudeTests(SynchronousTestCase):
    """Claude Code does what the script has it do."""

    def setUp(self) -> None:
        claude()
        self.server = ScriptedAnthropic()
        self.addCleanup(self.server.stop)
        self.home = Path(self.mktemp()).resolve()

    def run_it(self, prompt: str, *arguments: str, **variables: str) -> Ended:
        return run_claude(self.server.url, self.home, prompt, *arguments, **variables)

    def failure(self, step: Step) -> Ended:
        """The end of a run whose every request ends so."""
        self.server.script("in vain", Always(step))
        ended = self.run_it("in vain", **_ONE_RETRY)
        self.assertEqual(ended.status, 1)
        self.assertIs(ended.result["is_error"], True)
        return ended

    def test_says(self) -> None:
        """Text in pieces is the result, and what it cost is told."""
        self.server.script("greet", Say("Good morning.", chunks=4, delay=0.01))
        ended = self.run_it("greet me", "--include-partial-messages")
        self.assertEqual((ended.status, ended.result["result"]), (0, "Good morning."))
        self.assertEqual({**ended.result["usage"], **USAGE}, ended.result["usage"])
        events = [line["event"] for line in ended.of("stream_event")]
        pieces = [event["delta"]["text"] for event in events if event.get("delta", {}).get("text")]
        self.assertEqual(len(pieces), 4)
        self.assertEqual("".join(pieces), "Good morning.")

    def test_uses_a_tool(self) -> None:
        """A command really runs, and the next request has what it printed."""
        command = {"command": "echo made >made.txt && cat made.txt", "description": "Make"}
        self.server.script("make", UseTool("Bash", command, say="I will."), Say("Done."))
        ended = self.run_it("make a file")
        self.assertEqual(ended.result["result"], "Done.")
        self.assertEqual((self.home / "ws" / "made.txt").read_text(), "made\n")
        received = self.server.received("make")
        self.assertEqual(len(received), 2)
        result = received[1].body["messages"][-1]["content"][-1]
        self.assertEqual((result["type"], result["content"]), ("tool_result", "made"))

    def test_structured_output(self) -> None:
        """A value that does not fit the schema is refused, one that does is the result."""
        value = {"city": "Tbilisi", "people": 1_200_000}
        self.server.script("where", StructuredOutput({"city": 1}), StructuredOutput(value))
        ended = self.run_it("where?", "--json-schema", json.dumps(_SCHEMA))
        self.assertEqual(ended.result["structured_output"], value)

    def test_refused_key(self) -> None:
        """401 is the result after the retries."""
        ended = self.failure(Refuse(401))
        self.assertEqual(ended.result["api_error_status"], 401)
        self.assertIn("Failed to authenticate", ended.result["result"])
        self.assertEqual(len(self.server.received("in vain")), 2)

    def test_wrong_key(self) -> None:
        """The key is looked at."""
        ended = self.run_it("hello", ANTHROPIC_API_KEY="sk-ant-wrong", **_ONE_RETRY)
        self.assertEqual(ended.result["api_error_status"], 401)

    def test_bearer(self) -> None:
        """The key may come as a bearer token."""
        variables = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": ANTHROPIC_KEY}
        ended = self.run_it("hello", **variables)
        self.assertEqual(ended.result["result"], "You said: hello")
        self.assertEqual(self.server.requests[0].fields.get("x-api-key"), None)

    def test_rate_limited(self) -> None:
        """After 429 it waits as long as it was told and goes on."""
        self.server.script("hurry", Refuse(429, retry_after=1), Say("At last."))
        ended = self.run_it("hurry")
        self.assertEqual((ended.status, ended.result["result"]), (0, "At last."))
        (retry,) = ended.of("system", "api_retry")
        self.assertEqual((retry["error_status"], retry["retry_delay_ms"]), (429, 1000))

    def test_overloaded(self) -> None:
        """529 that does not end is the result."""
        ended = self.failure(Refuse(529))
        self.assertEqual(ended.result["api_error_status"], 529)
        (retry,) = ended.of("system", "api_retry")
        self.assertEqual(retry["error"], "overloaded")

    def test_broken_stream(self) -> None:
        """Where a stream was no stream it asks once more, without streaming."""
        self.server.script("break", BreakStream(), Say("Whole."))
        ended = self.run_it("break")
        self.assertEqual((ended.status, ended.result["result"]), (0, "Whole."))
        streamed = [request.body.get("stream") for request in self.server.received("break")]
        self.assertEqual(streamed, [True, None])

    def test_broken_for_good(self) -> None:
        """It does not ask a third time."""
        ended = self.failure(BreakStream())
        self.assertIsNone(ended.result["api_error_status"])
        self.assertEqual(len(self.server.received("in vain")), 2)

    def test_dies_in_mid_stream(self) -> None:
        """A connection that is cut in mid-stream is made anew."""
        self.server.script("fall", Die(), Say("Up again."))
        ended = self.run_it("fall")
        self.assertEqual((ended.status, ended.result["result"]), (0, "Up again."))

    def test_dies_for_good(self) -> None:
        """A connection that is always cut is the result."""
        for step in (Die(), Die(say="")):
            self.assertIn("ECONNRESET", self.failure(step).result["result"])

    def test_long_output(self) -> None:
        """A megabyte of text arrives whole, in one line."""
        self.server.script("much", LongOutput(1_000_000))
        ended = self.run_it("much")
        self.assertEqual(len(ended.result["result"]), 1_000_000)
        self.assertEqual(len(ended.of("assistant")), 1)

    def test_slow(self) -> None:
        """A late answer is waited for."""
        self.server.script("later", Slow(0.5, Say("Now.")))
        self.assertEqual(self.run_it("later").result["result"], "Now.")

    def test_holds(self) -> None:
        """A run stays in mid-answer until the test lets go; others go on meanwhile."""
        go = threading.Event()
        hold = Hold(go, then=Say("the end."), say="Not yet ")
        self.server.script("hold", hold)
        process = start_claude(self.server.url, self.home, "hold it")
        self.assertTrue(hold.reached.wait(30))
        other = run_claude(self.server.url, self.home, "hello")
        self.assertEqual(other.result["result"], "You said: hello")
        self.assertIsNone(process.poll())
        go.set()
        self.assertEqual(end_of(process).result["result"], "Not yet the end.")

    def test_killed_in_mid_answer(self) -> None:
        """After SIGTERM there is no result; the session can be resumed under its id."""
        hold = Hold(threading.Event())
        self.server.script("hold", hold)
        session = str(uuid.uuid4())
        process = start_claude(self.server.url, self.home, "hold", "--session-id", session)
        self.assertTrue(hold.reached.wait(30))
        process.terminate()
        ended = end_of(process)
        self.assertEqual((ended.status, ended.of("result")), (143, []))
        self.assertTrue(self.server.gone.wait(10))
        self.server.script("go on", Say("I do."))
        again = self.run_it("go on", "--resume", session)
        self.assertEqual((again.result["result"], again.result["session_id"]), ("I do.", session))

    def test_a_command_outlives_it(self) -> None:
        """A command has a session of its own: SIGTERM at the CLI's group does not end it."""
        command = {"command": "echo $$ >pid; echo $MARK >mark; exec sleep 1000", "description": "x"}
        self.server.script("wait", UseTool("Bash", command))
        process = start_claude(self.server.url, self.home, "wait", MARK="mine")
        written = self.home / "ws" / "mark"
        eventually(lambda: written.exists() and written.read_text(), "it does not run")
        os.killpg(process.pid, signal.SIGTERM)
        self.assertEqual(end_of(process).status, 143)
        command_pid = int((self.home / "ws" / "pid").read_text())
        os.kill(command_pid, signal.SIGKILL)
        self.assertEqual(written.read_text(), "mine\n")

    def test_default(self) -> None:
        """What no script is for: an echo, a command that is asked for, a value of a schema."""
        self.assertEqual(self.run_it("hello").result["result"], "You said: hello")
        self.assertEqual(self.run_it("Please RUN: echo $((6 * 7))").result["result"], "42")
        value = self.run_it("x", "--json-schema", json.dumps(_SCHEMA)).result["structured_output"]
        self.assertEqual(value, {"city": "x", "people": 42})

    def test_conversation(self) -> None:
        """A prompt that goes on with a session begins a script of its own, or goes on with one."""
        self.server.script("first", Say("One."), Say("Three."))
        self.server.script("second", Say("Two."))
        session = str(uuid.uuid4())
        said = [self.run_it("first", "--session-id", session).result["result"]]
        for prompt in ("second", "first again"):
            said.append(self.run_it(prompt, "--resume", session).result["result"])
        self.assertEqual(said, ["One.", "Two.", "Three."])

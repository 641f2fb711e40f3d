"""The stand-in for Claude Code, beside the real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.anthropic_server import ScriptedAnthropic
from tests.end_to_end.anthropic_steps import Say, UseTool
from tests.end_to_end.claude_code import Ended, claude, end_of, run_claude, start_claude
from tests.support.stand_in_claude import install_stand_in, stand_in_runs


class StandInTests(SynchronousTestCase):
    """The stand-in prints what the real one prints."""

    def setUp(self) -> None:
        self.server = ScriptedAnthropic()
        self.addCleanup(self.server.stop)
        self.home = Path(self.mktemp()).resolve()
        self.home.mkdir()

    def lines(self, prompt: str, program: str) -> Ended:
        return run_claude(self.server.url, self.home, prompt, program=program)

    def test_like_the_real_one(self) -> None:
        """The same kinds of lines, and nothing in them that the real one does not print."""
        real_program = claude()
        self.server.script("say hi", UseTool("Bash", {"command": "ls"}), Say("hi"))
        real = self.lines("say hi", real_program)
        ours = self.lines("tool ls\nsay hi", str(install_stand_in(self.home)))
        self.assertEqual(
            [line["type"] for line in ours.lines], [line["type"] for line in real.lines]
        )
        for mine, theirs in zip(ours.lines, real.lines, strict=True):
            self.assertEqual(set(mine) - set(theirs), set())
        self.assertEqual(ours.result["result"], real.result["result"])
        self.assertEqual(ours.result["num_turns"], real.result["num_turns"])

    def test_like_the_real_one_without_a_session(self) -> None:
        """A session that is not there ends both in the same way."""
        programs = (claude(), str(install_stand_in(self.home)))
        unknown = str(uuid.uuid4())
        ends = [
            run_claude(self.server.url, self.home, "say x", "--resume", unknown, program=program)
            for program in programs
        ]
        for ended in ends:
            self.assertEqual(ended.status, 1)
            self.assertEqual(ended.result["errors"], [ended.stderr.strip()])
        self.assertEqual(ends[0].stderr, ends[1].stderr)

    def test_records(self) -> None:
        """What it was started with can be read."""
        program = str(install_stand_in(self.home))
        ended = run_claude("http://x", self.home, "say x", "--foo", "bar", program=program, A="b")
        (run,) = stand_in_runs(self.home)
        self.assertEqual(run["argv"][-2:], ["--foo", "bar"])
        self.assertEqual(run["environment"]["A"], "b")
        self.assertEqual(run["cwd"], str(self.home / "ws"))
        self.assertEqual(run["prompt"], "say x")
        self.assertEqual(run["session_id"], ended.result["session_id"])

    def test_directives(self) -> None:
        """It can fail, be silent, and talk much."""
        program = str(install_stand_in(self.home))
        ended = self.lines("stderr oh no\nexit 3", program)
        self.assertEqual((ended.status, ended.stderr), (3, "oh no\n"))
        self.assertEqual(ended.of("result"), [])
        self.assertEqual(self.lines("say x\nno-result", program).of("result"), [])
        self.assertEqual(len(self.lines("big 10000", program).of("assistant")), 3)
        ended = self.lines('structured {"a": 1}', program)
        self.assertEqual(ended.result["structured_output"], {"a": 1})
        with self.assertRaises(json.JSONDecodeError):
            self.lines("garbage", program)

    def test_holds_and_ignores_signals(self) -> None:
        """It waits for a file, and SIGTERM does not end it when it was told so."""
        program = str(install_stand_in(self.home))
        gate = self.home / "gate"
        prompt = f"ignore-sigterm\nsay ready\nhold {gate}\nsay done"
        process = start_claude(self.server.url, self.home, prompt, program=program)
        assert process.stdout is not None
        while b"ready" not in process.stdout.readline():
            self.assertIsNone(process.poll())
        process.terminate()
        gate.touch()
        self.assertEqual(end_of(process).result["result"], "done")

    def test_spawns(self) -> None:
        """What it spawns is in a session of its own and outlives it."""
        program = str(install_stand_in(self.home))
        mark = uuid.uuid4().hex
        prompt = "spawn\nsay ready\nsleep 60"
        process = start_claude(self.server.url, self.home, prompt, program=program, MARK=mark)
        assert process.stdout is not None
        while b"ready" not in process.stdout.readline():
            self.assertIsNone(process.poll())
        process.terminate()
        self.assertEqual(end_of(process).status, 143)
        (spawned,) = _with_mark(mark)
        self.assertEqual(os.getsid(spawned), spawned)
        os.kill(spawned, signal.SIGKILL)


def _with_mark(mark: str) -> list[int]:
    found = subprocess.run(
        ["grep", "-lsz", f"^MARK={mark}$", *(str(path) for path in _environments())],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(line.split("/")[2]) for line in found.stdout.split()]


def _environments() -> list[Path]:
    return list(Path("/proc").glob("[0-9]*/environ"))

"""Starting the process of a run: what it is given, and that nothing stays open."""

from __future__ import annotations

import os
import stat
import uuid
from typing import Any

from twisted.internet.defer import Deferred

from tests.claudebox.case import ACCOUNT, ClaudeboxCase
from tests.support.reactor import open_descriptors
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.instance import RUN_VARIABLE
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.records import COMPLETED, FAILED


class LaunchTests(ClaudeboxCase):
    async def test_what_it_is_started_with(self) -> None:
        run, outcome = await self.done("say a\nsay b", workspace="a/b", model="--opus")
        self.assertEqual(outcome.status, COMPLETED)
        (started,) = self.started()
        self.assertEqual(started["prompt"], "say a\nsay b")
        self.assertEqual(started["cwd"], str(self.instance.workspaces / "a/b"))
        # Python's own doing, in the stand-in.
        started["environment"].pop("LC_CTYPE", None)
        self.assertEqual(
            started["environment"], self.instance.environment(self.environment, run.record.id)
        )
        self.assertEqual(started["environment"][RUN_VARIABLE], run.record.id)
        self.assertEqual(started["environment"]["ANTHROPIC_API_KEY"], ACCOUNT)
        self.assertNotIn("another-service", started["environment"].values())
        self.assertEqual(
            started["argv"],
            [str(self.binary), "--print", "--output-format=stream-json", "--verbose",
             f"--session-id={uuid.UUID(run.record.session_id)}", "--dangerously-skip-permissions",
             "--model=--opus"],
        )  # fmt: skip

    async def test_the_system_prompts_and_skills(self) -> None:
        skill = self.instance.config / ".always-skills/a/SKILL.md"
        skill.parent.mkdir()
        for text in ("one", "two"):
            skill.write_text(text)
            run, _ = await self.done("say x", system_prompt="-s", append_system_prompt="-own")
            files = self.instance.runs / run.record.id
            argv = self.started()[-1]["argv"]
            self.assertIn(f"--system-prompt-file={files}/system-prompt", argv)
            self.assertIn(f"--append-system-prompt-file={files}/append-system-prompt", argv)
            self.assertEqual((files / "system-prompt").read_text(), "-s")
            self.assertEqual((files / "append-system-prompt").read_text(), f"{text}\n\n-own")

    async def test_a_prompt_of_any_length_and_script(self) -> None:
        prompt = "say ü😀\n" + "\t-x " * 500_000
        run, outcome = await self.done(prompt)
        self.assertEqual(outcome.status, COMPLETED)
        self.assertEqual(self.started()[0]["prompt"], prompt)
        result = await self.claudebox.results.last_word(run.record)
        assert result is not None
        self.assertEqual(result.fields["result"], "ü😀")

    async def test_its_files_are_its_own(self) -> None:
        run, _ = await self.done("stderr oops", mcp_config={"mcpServers": {}})
        files = self.instance.runs / run.record.id
        self.assertEqual(sorted(os.listdir(files)), ["mcp.json", "prompt", "stderr"])
        self.assertEqual((files / "stderr").read_text(), "oops\n")
        for path in (files / "stderr", self.instance.transcript(run.record.id)):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
        for folder in (self.instance.runs, self.instance.transcripts, self.instance.config):
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700, folder)

    async def test_nothing_of_ours_is_open_in_it(self) -> None:
        run = await self.holding()
        (started,) = self.started()
        folder = f"/proc/{started['pid']}/fd"
        there = {name: os.readlink(f"{folder}/{name}") for name in ("0", "1", "2")}
        files = self.instance.runs / run.record.id
        self.assertEqual(
            there,
            {
                "0": str(files / "prompt"),
                "1": str(self.instance.transcript(run.record.id)),
                "2": str(files / "stderr"),
            },
        )
        self.assertEqual(sorted(os.listdir(folder)), ["0", "1", "2"])
        self.assertEqual(os.getsid(started["pid"]), started["pid"])
        self.gate.touch()
        await run.over.wait()


class FailureTests(ClaudeboxCase):
    async def failed(self, prompt: str = "say x", **fields: Any) -> str:
        """What is told of a run that could not be started."""
        run, outcome = await self.done(prompt, **fields)
        self.assertEqual((outcome.status, outcome.exit_code), (FAILED, None))
        self.assertIs(run.started.value, False)
        self.assertIsNone(run.process)
        self.assertEqual(self.started(), [])
        self.flushLoggedErrors()
        self.assert_nothing_is_left()
        return outcome.detail

    async def test_claude_code_is_not_installed(self) -> None:
        self.binary.unlink()
        error = await self.error(self.begin("say x"), ClaudeboxError)
        self.assertEqual(error.status, 503)
        self.assertIn("npm install -g @anthropic-ai/claude-code", error.detail)
        self.assert_nothing_is_left()

    async def test_its_files_cannot_be_written(self) -> None:
        self.instance.runs.rmdir()
        self.instance.runs.write_text("in the way")
        self.assertIn("could not be started", await self.failed())

    async def test_its_transcript_cannot_be_made(self) -> None:
        self.instance.transcripts.rmdir()
        before = open_descriptors()
        _, outcome = await self.done("say x")
        self.assertIn("could not be started", outcome.detail)
        self.assertEqual(open_descriptors() - before, {})
        self.instance.transcripts.mkdir()
        self.flushLoggedErrors()

    async def test_it_cannot_be_spawned(self) -> None:
        def spawn(*_: Any, **__: Any) -> None:
            raise OSError(11, "no more processes")

        self.reactor.spawnProcess = spawn
        before = open_descriptors()
        self.assertIn("no more processes", await self.failed())
        self.assertEqual(open_descriptors() - before, {})

    async def test_the_program_is_none(self) -> None:
        self.binary.write_text("#!/nowhere/to/be/found\n")
        run, outcome = await self.done("say x")
        self.assertEqual(outcome.status, FAILED)
        told = await self.claudebox.results.explain(run.record, outcome)
        self.assertIn(str(self.binary), told["stderr"])
        self.assertIs(run.started.value, True)

    async def test_it_is_over_before_it_is_looked_at(self) -> None:
        start = self.reactor.spawnProcess

        def spawn(*arguments: Any, **named: Any) -> Any:
            process = start(*arguments, **named)
            if process.pid is not None:
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                process.reapProcess()
            self.assertIsNone(process.pid)
            return process

        self.reactor.spawnProcess = spawn
        self.binary.write_text("#!/nowhere/to/be/found\n")
        run, outcome = await self.done("say x")
        self.assertEqual(outcome.status, FAILED)
        self.assertIs(run.started.value, True)

    async def test_its_workspace_is_gone(self) -> None:
        self.threads.held = True
        beginning = Deferred.fromCoroutine(self.begin("say x", workspace="ws"))
        while not (self.instance.workspaces / "ws").exists():
            self.threads.work()
        (self.instance.workspaces / "ws").rmdir()
        self.threads.held = False
        self.threads.work_off()
        run = await beginning
        outcome = await run.over.wait()
        self.assertEqual(outcome.status, FAILED)
        self.flushLoggedErrors()

    async def test_a_request_that_cannot_be_met(self) -> None:
        for fields, status in (
            ({"json_schema": "{"}, 422),
            ({"mcp_config": "[]"}, 422),
            ({"workspace": "../x"}, 400),
            ({"workspace": "/x"}, 400),
            ({"workspace": "."}, 400),
        ):
            request = RunRequest(prompt="say x", **fields)  # type: ignore[arg-type]
            error = await self.error(self.runs.begin(request), ClaudeboxError)
            self.assertEqual(error.status, status, fields)
        self.assert_nothing_is_left()

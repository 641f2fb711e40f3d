"""After a restart: runs that an earlier server has left, as real processes that are not ours."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any
from uuid import uuid4

from attrs import evolve

from tests.claudebox.case import NOW, ClaudeboxCase
from twisted_aigate.claudebox.command import RunFiles, command_line
from twisted_aigate.claudebox.instance import RUN_VARIABLE
from twisted_aigate.claudebox.models import Extras, RunRequest
from twisted_aigate.claudebox.records import (
    CANCELLED,
    COMPLETED,
    FAILED,
    STOPPED,
    TIMED_OUT,
    Outcome,
    RunRecord,
)
from twisted_aigate.claudebox.run import Run
from twisted_aigate.claudebox.sessions import Session
from twisted_aigate.kernel.adopted import AdoptedProcess
from twisted_aigate.kernel.process_table import family, identify
from twisted_aigate.kernel.processes import TERMINATE_GRACE

_GIVEN_UP = "The server was restarted while the run went on."


class AdoptionCase(ClaudeboxCase):
    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        await super().setUp()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.addCleanup(self.reap)

    def reap(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def left(self, prompt: str, *, waits: bool = True, **fields: Any) -> RunRecord:
        """
        A run that another server began and left.

        @param waits: Return when it has said C{ready}, or ended.
        @param fields: Of its record; C{known=False}: its process is not in the database.
        """
        known = fields.pop("known", True)
        record = RunRecord(
            f"run-{len(self.processes)}", "ws", str(uuid4()), False, True, NOW - 60, None
        )
        record = evolve(record, **fields)
        self.database.now(lambda conn: self.table.insert(conn, record))
        files = RunFiles(self.instance.runs / record.id)
        files.folder.mkdir()
        files.prompt.write_text(prompt)
        workspace = self.instance.workspaces / record.workspace
        workspace.mkdir(exist_ok=True)
        session = Session(record.session_id, exists=False)
        request = RunRequest(prompt=prompt)
        transcript = self.instance.transcript(record.id)
        with (files.prompt.open() as prompt_file, transcript.open("wb") as out,
              files.errors.open("wb") as errors):  # fmt: skip
            process = subprocess.Popen(
                command_line(
                    str(self.binary), request, Extras(), session, files, appended=False
                ),
                stdin=prompt_file, stdout=out, stderr=errors, cwd=workspace,
                env=self.instance.environment(self.environment, record.id),
                start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        identity = identify(process.pid)
        if known:
            assert identity is not None
            record = evolve(record, process=identity)
            self.database.now(lambda conn: self.table.started(conn, record.id, identity))
        while waits and b'"ready"' not in transcript.read_bytes() and process.poll() is None:
            time.sleep(0.001)
        return record

    async def restart(self) -> None:
        """Have the server stop, and another one start."""
        await self.tree.stop()
        for run in self.runs:
            if isinstance(run.process, AdoptedProcess):
                # Its descriptor ends with the server.
                run.process.let_go()
        self.tree = self.make_tree()
        await self.tree.start()

    def adopted(self, record: RunRecord) -> Run:
        run = self.runs.find(record.id)
        assert run is not None
        return run

    def outcome(self, record: RunRecord) -> Outcome | None:
        return self.record(record.id).outcome

    @property
    def hold(self) -> str:
        return f"say ready\nhold {self.gate}\nsay done"


class AliveTests(AdoptionCase):
    async def test_one_that_outlives_the_server_goes_on(self) -> None:
        record = self.left(f"spawn\n{self.hold}")
        await self.restart()
        run = self.adopted(record)
        self.assertEqual((run.record, run.workspace.name, run.status), (record, "ws", "running"))
        self.assertIs(run.started.value, True)
        self.gate.touch()
        self.assertEqual(await run.over.wait(), Outcome(COMPLETED))
        self.assertEqual(self.outcome(record), Outcome(COMPLETED))
        result = await self.claudebox.results.last_word(record)
        assert result is not None
        self.assertEqual(result.fields["result"], "done")
        session = self.database.now(lambda conn: self.table.session(conn, "ws"))
        self.assertEqual(session, record.session_id)
        self.assertEqual(family(RUN_VARIABLE, record.id), [])

    async def test_its_workspace_is_busy_and_it_has_a_place(self) -> None:
        records = [self.left(self.hold, workspace=f"ws{number}") for number in range(3)]
        await self.restart()
        self.assertEqual(len(list(self.runs)), 3)
        self.assertFalse(self.slots.take())
        self.assertEqual(self.send("POST", "/run", {"prompt": "x", "workspace": "ws1"})
                         .answer().status, 409)  # fmt: skip
        runs = [self.adopted(record) for record in records]
        self.gate.touch()
        for run in runs:
            await run.over.wait()

    async def test_its_events_are_told_from_the_start(self) -> None:
        record = self.left(self.hold)
        await self.restart()
        wire = self.send("GET", f"/run/events?runId={record.id}")
        self.gate.touch()
        await self.adopted(record).over.wait()
        (answer,) = wire.answers()
        for text in (b'"ready"', b'"done"', b'event: end\ndata: {"runId":"run-0"'):
            self.assertIn(text, answer.body)
        self.assertTrue(answer.whole)

    async def test_it_is_cancelled(self) -> None:
        record = self.left(f"spawn\n{self.hold}")
        await self.restart()
        run = await self.runs.cancel(None, record.id)
        self.assertEqual(run.over.value, Outcome(CANCELLED, "The run was cancelled."))

    async def test_it_ignores_that_it_is_cancelled(self) -> None:
        record = self.left(f"ignore-sigterm\n{self.hold}")
        await self.restart()
        run = self.adopted(record)
        run.events.end(Outcome(CANCELLED, "x"))
        self.clock.advance(TERMINATE_GRACE)
        self.assertEqual((await run.over.wait()).status, CANCELLED)
        self.assertEqual(self.processes[0].wait(), -9)

    async def test_its_time_is_up(self) -> None:
        for deadline in (NOW - 1, NOW + 30):
            record = self.left(self.hold, deadline=deadline)
            await self.restart()
            run = self.adopted(record)
            self.clock.advance(max(0, deadline - NOW))
            self.assertEqual((await run.over.wait()).status, TIMED_OUT)

    async def test_a_server_that_is_stopped_leaves_it_again(self) -> None:
        record = self.left(self.hold, deadline=NOW + 30)
        for _ in range(3):
            await self.restart()
        self.assertIsNone(self.processes[0].poll())
        self.gate.touch()
        self.assertEqual((await self.adopted(record).over.wait()).status, COMPLETED)

    async def test_one_that_a_client_waited_for_is_ended(self) -> None:
        record = self.left(f"ignore-sigterm\nspawn\n{self.hold}", detached=False)
        await self.restart()
        self.assertEqual(list(self.runs), [])
        self.assertEqual(self.outcome(record), Outcome(STOPPED, _GIVEN_UP))
        self.assertEqual(self.processes[0].wait(), -9)
        self.assertEqual(family(RUN_VARIABLE, record.id), [])

    async def test_one_whose_process_is_not_known_is_ended(self) -> None:
        record = self.left(f"spawn\n{self.hold}", known=False)
        await self.restart()
        self.assertEqual(self.outcome(record), Outcome(STOPPED, _GIVEN_UP))
        self.assertEqual(self.processes[0].wait(), -9)

    async def test_one_whose_workspace_leads_out_now(self) -> None:
        record = self.left(self.hold)
        (self.instance.workspaces / "ws").rmdir()
        (self.instance.workspaces / "ws").symlink_to("/tmp")
        await self.restart()
        self.assertEqual(self.outcome(record), Outcome(STOPPED, _GIVEN_UP))
        self.assertEqual(self.processes[0].wait(), -9)
        self.flushLoggedErrors()

    async def test_two_whose_workspaces_are_one_now(self) -> None:
        records = [self.left(self.hold, workspace=name) for name in ("a", "b")]
        (self.instance.workspaces / "b").rmdir()
        (self.instance.workspaces / "b").symlink_to("a")
        await self.restart()
        self.gate.touch()
        for run in list(self.runs):
            await run.over.wait()
        for record in records:
            self.assertEqual(self.outcome(record), Outcome(COMPLETED))


class DeadTests(AdoptionCase):
    async def ended(self, prompt: str, **fields: Any) -> Outcome | None:
        """What is made of a run that ended while no server was there."""
        record = self.left(prompt, waits=False, **fields)
        self.processes[-1].wait()
        await self.restart()
        self.assertEqual(list(self.runs), [])
        self.assertEqual(family(RUN_VARIABLE, record.id), [])
        return self.outcome(record)

    async def test_it_was_done(self) -> None:
        for fields in ({}, {"detached": False}, {"known": False}):
            self.assertEqual(await self.ended("say x", **fields), Outcome(COMPLETED), fields)

    async def test_it_was_done_and_left_something_running(self) -> None:
        self.assertEqual(await self.ended("spawn\nsay x"), Outcome(COMPLETED))

    async def test_it_was_not_done(self) -> None:
        for detached in (True, False):
            outcome = await self.ended("say x\nexit 0", detached=detached)
            self.assertEqual(outcome, Outcome(STOPPED, _GIVEN_UP))

    async def test_it_failed(self) -> None:
        failed = 'print {"type":"result","is_error":true,"result":"broken"}\nexit 1'
        outcome = await self.ended(failed)
        assert outcome is not None
        self.assertIn(outcome.status, (FAILED, STOPPED))

    async def test_another_process_has_its_id(self) -> None:
        record = self.left("say x\nexit 0", waits=False)
        self.processes[0].wait()
        stranger = subprocess.Popen(["sleep", "1000"])
        self.processes.append(stranger)
        theirs = identify(stranger.pid)
        assert theirs is not None
        assert record.process is not None
        for reused in (evolve(record.process, pid=stranger.pid), theirs):
            self.database.now(
                lambda conn, reused=reused: self.table.started(conn, record.id, reused)
            )
            await self.restart()
            self.assertEqual(list(self.runs), [])
            self.assertEqual(self.outcome(record), Outcome(STOPPED, _GIVEN_UP))
            self.assertIsNone(stranger.poll())

    async def test_nothing_of_it_is_there(self) -> None:
        record = RunRecord("gone", "ws", "", True, True, NOW, None)
        self.database.now(lambda conn: self.table.insert(conn, record))
        await self.restart()
        self.assertEqual(self.outcome(record), Outcome(STOPPED, _GIVEN_UP))

    async def test_the_end_that_the_database_did_not_take(self) -> None:
        self.database.failing = {"finished"}
        run, _ = await self.done("say x")
        self.flushLoggedErrors()
        self.database.failing.clear()
        await self.restart()
        self.assertEqual(self.outcome(run.record), Outcome(COMPLETED))

    async def test_others_are_not_touched(self) -> None:
        theirs = RunRecord("theirs", "ws", "", True, True, NOW, None)
        table = type(self.table)("another machine", self.instance.name)
        self.database.now(lambda conn: table.insert(conn, theirs))
        await self.restart()
        self.assertIsNone(self.database.now(lambda conn: table.find(conn, "theirs")).outcome)
        self.assertTrue(os.path.isdir(self.instance.workspaces))

"""Runs begun, found, cancelled and let go, with the stand-in as a real child."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from tests.claudebox.case import MOST_RUNS, NOW, TIMEOUT, ClaudeboxCase
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.instance import RUN_VARIABLE
from twisted_aigate.claudebox.records import (
    CANCELLED,
    COMPLETED,
    FAILED,
    STOPPED,
    TIMED_OUT,
    Outcome,
)
from twisted_aigate.claudebox.run import CANCEL_ASKED, CLIENT_LEFT, SHUTDOWN
from twisted_aigate.claudebox.run import TIMEOUT as TIMED_OUT_OUTCOME
from twisted_aigate.kernel.process_table import family, identify
from twisted_aigate.kernel.processes import TERMINATE_GRACE


class BeginTests(ClaudeboxCase):
    async def test_a_run(self) -> None:
        run = await self.holding(output_format="json-verbose")
        self.assertEqual((list(self.runs), self.runs.find(run.record.id)), ([run], run))
        self.assertIs(run.started.value, True)
        record = run.record
        self.assertEqual((record.created_at, record.deadline), (NOW, NOW + TIMEOUT))
        self.assertEqual((record.verbose, record.detached), (True, False))
        self.assertEqual(record.process, identify(self.started()[0]["pid"]))
        self.assertEqual(self.record(record.id), record)
        self.gate.touch()
        outcome = await run.over.wait()
        self.assertEqual(outcome, Outcome(COMPLETED, exit_code=0))
        self.assertEqual(self.record(record.id), evolve(record, outcome=outcome))
        self.assertIsNone(self.runs.find(record.id))
        self.assertEqual((list(self.runs), list(self.runs.ended)), ([], [run]))

    async def test_the_ways_to_fail(self) -> None:
        for prompt, code, said in (
            ("exit 3", 3, "exit status 3"),
            ("say x\nno-result", 0, "printed no result"),
            ("garbage\nno-result", 0, "printed no result"),
            ('print {"type":"result","is_error":true,"result":"out of order"}\nno-result', 0,
             "out of order"),
            ('print {"type":"result","is_error":true,"errors":["first","second"]}\nexit 1', 1,
             "first"),
            ('print {"type":"result","is_error":true,"subtype":"error_max_turns"}\nno-result', 0,
             "error_max_turns"),
            ('print {"type":"result","is_error":false,"result":"x"}\nexit 4', 4, "x"),
        ):  # fmt: skip
            _, outcome = await self.done(prompt)
            self.assertEqual((outcome.status, outcome.exit_code), (FAILED, code), prompt)
            self.assertIn(said, outcome.detail, prompt)

    async def test_what_a_failure_says_can_be_kept(self) -> None:
        failed = 'print {"type":"result","is_error":true,"result":"a\\u0000b%s"}\nno-result'
        run, outcome = await self.done(failed % ("x" * 10_000))
        self.assertNotIn("\0", outcome.detail)
        self.assertLess(len(outcome.detail), 3000)
        self.assertEqual(self.record(run.record.id).outcome, outcome)

    async def test_sessions_go_on(self) -> None:
        first, _ = await self.done("say x", workspace="ws")
        second, _ = await self.done("say x", workspace="ws")
        other, _ = await self.done("say x", workspace="other")
        fresh, _ = await self.done("say x", workspace="ws", no_continue=True)
        after, _ = await self.done("say x", workspace="./ws")
        resumed, _ = await self.done("say x", workspace="ws", resume=first.record.session_id)
        sessions = [run.record.session_id for run in (first, second, other, fresh, after, resumed)]
        self.assertEqual(sessions[0], sessions[1])
        self.assertEqual(len({sessions[0], sessions[2], sessions[3]}), 3)
        self.assertEqual(sessions[4], sessions[3])
        self.assertEqual(sessions[5], sessions[0])
        options = [started["argv"][4] for started in self.started()]
        self.assertEqual(
            options,
            [f"--session-id={sessions[0]}", f"--resume={sessions[1]}",
             f"--session-id={sessions[2]}", f"--session-id={sessions[3]}",
             f"--resume={sessions[4]}", f"--resume={sessions[5]}"],
        )  # fmt: skip

    async def test_a_session_that_is_not_there(self) -> None:
        before, _ = await self.done("say x")
        for session in ("unknown", "x" * 1024):
            _, outcome = await self.done("say x", resume=session)
            self.assertEqual((outcome.status, outcome.exit_code), (FAILED, 1))
            self.assertIn("No conversation found", outcome.detail)
        after, outcome = await self.done("say x")
        self.assertEqual(outcome.status, COMPLETED)
        self.assertEqual(after.record.session_id, before.record.session_id)

    async def test_what_it_left_running_ends_with_it(self) -> None:
        run, outcome = await self.done("spawn\nspawn\nsay x")
        self.assertEqual(outcome.status, COMPLETED)
        self.assertEqual(family(RUN_VARIABLE, run.record.id), [])


class BusyTests(ClaudeboxCase):
    async def test_one_in_a_workspace(self) -> None:
        run = await self.holding(workspace="a")
        (self.instance.workspaces / "link").symlink_to("a")
        for name in ("a", "./a", "x/../a", "a/", "link"):
            error = await self.error(self.begin("say x", workspace=name), ClaudeboxError)
            self.assertEqual((error.status, error.extra), (409, {"runId": run.record.id}), name)
        _, outcome = await self.done("say x", workspace="b")
        self.assertEqual(outcome.status, COMPLETED)
        self.gate.touch()
        await run.over.wait()
        _, outcome = await self.done("say x", workspace="a")
        self.assertEqual(outcome.status, COMPLETED)

    async def test_of_many_at_once_one_wins(self) -> None:
        self.threads.held = True
        beginning = [Deferred.fromCoroutine(self.begin("say x", workspace="a")) for _ in range(5)]
        self.threads.work_off()
        self.threads.held = False
        results = []
        for each in beginning:
            each.addErrback(lambda failure: failure.value)
            results.append(await each)
        runs = [each for each in results if not isinstance(each, ClaudeboxError)]
        self.assertEqual([each.status for each in results if each not in runs], [409] * 4)
        (run,) = runs
        self.assertEqual((await run.over.wait()).status, COMPLETED)

    async def test_no_more_than_there_are_places(self) -> None:
        runs = [await self.holding(workspace=str(number)) for number in range(MOST_RUNS)]
        error = await self.error(self.begin("say x", workspace="one more"), ClaudeboxError)
        self.assertEqual((error.status, error.retry_after), (429, 5))
        # A busy workspace is that in the first place.
        error = await self.error(self.begin("say x", workspace="0"), ClaudeboxError)
        self.assertEqual(error.status, 409)
        self.gate.touch()
        for run in runs:
            await run.over.wait()
        _, outcome = await self.done("say x", workspace="one more")
        self.assertEqual(outcome.status, COMPLETED)


class CancelTests(ClaudeboxCase):
    async def test_while_it_runs(self) -> None:
        for names in ({"workspace": "ws"}, {"run_id": True}, {"workspace": "other/../ws"}):
            run = await self.holding("spawn", workspace="ws")
            named: dict[str, Any] = {"workspace": None, "run_id": None, **names}
            if named["run_id"]:
                named["run_id"] = run.record.id
            cancelled = await self.runs.cancel(**named)
            self.assertIs(cancelled, run)
            outcome = Outcome(CANCELLED, "The run was cancelled.", 143)
            self.assertEqual((run.over.value, run.status), (outcome, CANCELLED))
            self.assertEqual(self.record(run.record.id).outcome, outcome)
            self.assert_nothing_is_left()

    async def test_the_default_workspace(self) -> None:
        run = await self.holding()
        self.assertIs(await self.runs.cancel(None, None), run)

    async def test_nothing_runs_there(self) -> None:
        run, _ = await self.done("say x", workspace="ws")
        for workspace, run_id in (("ws", None), ("nowhere", None), (None, run.record.id),
                                  (None, "unknown"), (None, "")):  # fmt: skip
            error = await self.error(self.runs.cancel(workspace, run_id), ClaudeboxError)
            self.assertEqual(error.status, 404)
        self.assertFalse((self.instance.workspaces / "nowhere").exists())
        error = await self.error(self.runs.cancel("../x", None), ClaudeboxError)
        self.assertEqual(error.status, 400)

    async def test_before_it_has_a_process(self) -> None:
        # At each step on the way there.
        for steps in range(2, 20):
            self.threads.held = self.database.threads.held = True
            beginning = Deferred.fromCoroutine(self.begin("say x", workspace="ws"))
            for _ in range(steps):
                (self.threads if len(self.threads) else self.database.threads).work()
                if any(run.process is not None for run in self.runs):
                    break
            runs = list(self.runs)
            if not runs:
                self.release()
                await (await beginning).over.wait()
                continue
            (run,) = runs
            spawned = run.process is not None
            if not spawned:
                cancelling = Deferred.fromCoroutine(self.runs.cancel(None, run.record.id))
                self.assertEqual(run.status, "ending")
            self.release()
            if spawned:
                await run.over.wait()
                break
            self.assertIs(await cancelling, run)
            self.assertEqual(run.over.value, Outcome(CANCELLED, "The run was cancelled."))
            self.assertIs(run.started.value, False)
            self.assert_nothing_is_left()
        else:
            raise AssertionError("it never got a process")

    def release(self) -> None:
        """Have all work done at once again."""
        self.threads.held = self.database.threads.held = False
        while len(self.threads) or len(self.database.threads):
            self.threads.work_off()
            self.database.threads.work_off()

    async def test_while_it_ends(self) -> None:
        run = await self.holding("ignore-sigterm", "spawn")
        first = Deferred.fromCoroutine(self.runs.cancel(None, run.record.id))
        run.events.end(CLIENT_LEFT)
        second = Deferred.fromCoroutine(self.runs.cancel("default", None))
        self.assertNoResult(first)
        self.clock.advance(TERMINATE_GRACE)
        self.assertIs(await first, run)
        self.assertIs(await second, run)
        self.assertEqual(run.over.value, Outcome(CANCELLED, "The run was cancelled."))

    async def test_while_it_is_settled(self) -> None:
        run = await self.holding()
        self.threads.held = True
        assert run.process is not None
        ended: Deferred[None] = Deferred()
        run.process.ended.addCallback(lambda _: ended.callback(None))
        self.gate.touch()
        await ended
        cancelling = Deferred.fromCoroutine(self.runs.cancel(None, run.record.id))
        self.assertEqual((run.status, list(self.runs)), ("running", [run]))
        self.release()
        self.assertIs(await cancelling, run)
        self.assertEqual(run.over.value, Outcome(COMPLETED, exit_code=0))

    async def test_done_just_then(self) -> None:
        run = await self.holding("ignore-sigterm")
        cancelling = Deferred.fromCoroutine(self.runs.cancel(None, run.record.id))
        self.gate.touch()
        await cancelling
        self.assertEqual(run.over.value, Outcome(COMPLETED, exit_code=0))

    async def test_as_soon_as_it_has_a_process(self) -> None:
        # Nothing has come of it yet, but it is found: it ends without being killed.
        for _ in range(5):
            run = await self.begin("spawn\nsay x\nsleep 1000")
            run.events.end(CLIENT_LEFT)
            self.assertEqual((await run.over.wait()).status, CANCELLED)
            self.assertEqual(self.clock.seconds(), NOW)

    async def test_who_cancels_leaves(self) -> None:
        run = await self.holding("ignore-sigterm")
        cancelling = Deferred.fromCoroutine(self.runs.cancel(None, run.record.id))
        cancelling.addErrback(lambda _: None)
        cancelling.cancel()
        self.clock.advance(TERMINATE_GRACE)
        self.assertEqual((await run.over.wait()).status, CANCELLED)


class TimeoutTests(ClaudeboxCase):
    async def test_its_own_and_the_servers(self) -> None:
        for fields, seconds in (({"timeout_seconds": 2.5}, 2.5), ({}, TIMEOUT)):
            run = await self.holding("spawn", **fields)
            self.clock.advance(seconds - 0.5)
            self.assertEqual(run.status, "running")
            self.clock.advance(0.5)
            self.assertEqual(run.why, TIMED_OUT_OUTCOME)
            outcome = await run.over.wait()
            self.assertEqual((outcome.status, outcome.exit_code), (TIMED_OUT, 143))
            self.assertEqual(self.record(run.record.id).outcome, outcome)

    async def test_none_for_one_that_outlives_its_client(self) -> None:
        for name in ("detach", "fire_and_forget"):
            run = await self.holding(**{name: True})
            self.assertEqual((run.record.deadline, run.record.detached), (None, True))
            self.clock.advance(10 * TIMEOUT)
            self.assertEqual(run.status, "running")
            self.gate.touch()
            self.assertEqual((await run.over.wait()).status, COMPLETED)
            self.gate.unlink()

    async def test_one_that_outlives_its_client_may_have_one(self) -> None:
        run = await self.holding(detach=True, timeout_seconds=3600.0)
        self.clock.advance(3600)
        self.assertEqual((await run.over.wait()).status, TIMED_OUT)

    async def test_done_in_time(self) -> None:
        await self.done("say x", timeout_seconds=5.0)
        self.clock.advance(5)
        _, outcome = await self.done("say x", timeout_seconds=5.0)
        self.assertEqual(outcome.status, COMPLETED)


class DatabaseTests(ClaudeboxCase):
    async def test_it_fails_before_there_is_a_process(self) -> None:
        for name in ("session", "insert"):
            self.database.failing = {name}
            run, outcome = await self.done("say x")
            self.assertEqual(outcome.status, FAILED)
            self.assertIn("could not be started", outcome.detail)
            self.assertIsNone(run.process)
            self.assertEqual(len(self.flushLoggedErrors()), 1)
            self.assert_nothing_is_left()
        self.database.failing = {"session", "finished"}
        _, outcome = await self.done("say x")
        self.assertEqual(outcome.status, FAILED)
        self.flushLoggedErrors()

    async def test_it_fails_when_there_is_one(self) -> None:
        self.database.failing = {"started"}
        run = await self.begin(f"spawn\nsay ready\nhold {self.gate}")
        self.assertEqual(run.status, "ending")
        outcome = await run.over.wait()
        self.assertEqual(outcome.status, STOPPED)
        self.assertIs(run.started.value, False)
        self.assertEqual(self.record(run.record.id).outcome, outcome)
        self.flushLoggedErrors()

    async def test_it_fails_at_the_end(self) -> None:
        self.database.failing = {"finished"}
        run, outcome = await self.done("spawn\nsay x")
        # Who waits is told what came of it.
        self.assertEqual(outcome, Outcome(COMPLETED, exit_code=0))
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertIsNone(self.record(run.record.id).outcome)
        self.assert_nothing_is_left()


class StopTests(ClaudeboxCase):
    async def test_those_that_are_waited_for_end(self) -> None:
        run = await self.holding("spawn")
        other = await self.holding("spawn", workspace="other")
        await self.runs.stop()
        for each in (run, other):
            self.assertEqual(each.over.value, evolve(SHUTDOWN, exit_code=143))
        self.assert_nothing_is_left()

    async def test_one_that_ignores_it(self) -> None:
        run = await self.holding("ignore-sigterm")
        stopping = Deferred.fromCoroutine(self.runs.stop())
        self.assertNoResult(stopping)
        self.clock.advance(TERMINATE_GRACE)
        await stopping
        self.assertEqual(run.over.value, SHUTDOWN)

    async def test_those_that_outlive_their_client_go_on(self) -> None:
        run = await self.holding(detach=True, timeout_seconds=60.0)
        await self.runs.stop()
        self.clock.advance(120)
        self.assertEqual(run.status, "running")
        self.assertNotEqual(family(RUN_VARIABLE, run.record.id), [])
        self.gate.touch()
        self.assertEqual((await run.over.wait()).status, COMPLETED)

    async def test_one_that_is_ending_is_seen_to_its_end(self) -> None:
        """How it ended is known: a restarted server could only guess."""
        run = await self.holding(detach=True)
        run.events.end(CANCEL_ASKED)
        await self.runs.stop()
        outcome = self.record(run.record.id).outcome
        assert outcome is not None
        self.assertEqual(outcome.status, CANCELLED)

    async def test_one_that_is_about_to_start(self) -> None:
        for fields, status in (({"detach": True}, COMPLETED), ({}, STOPPED)):
            self.database.threads.held = True
            run = await self.begin("say x", **fields)
            stopping = Deferred.fromCoroutine(self.runs.stop())
            self.assertNoResult(stopping)
            self.database.threads.held = False
            self.database.threads.work_off()
            await stopping
            self.assertEqual((await run.over.wait()).status, status)
            self.runs._stopping = False

    async def test_no_new_ones(self) -> None:
        await self.runs.stop()
        error = await self.error(self.begin("say x"), ClaudeboxError)
        self.assertEqual((error.status, error.retry_after), (503, 5))

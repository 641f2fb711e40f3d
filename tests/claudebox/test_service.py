"""Claudebox itself: clients that wait, leave and follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.claudebox.case import ClaudeboxCase
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.records import CANCELLED, COMPLETED, Outcome
from twisted_aigate.kernel.processes import TERMINATE_GRACE

_LEFT = Outcome(CANCELLED, "The client left.")


class LeavingTests(ClaudeboxCase):
    """The client leaves at each of the moments at which it can."""

    async def leave_everywhere(
        self, call: Callable[[], Deferred[Any]], seen: Callable[[Any], None]
    ) -> None:
        """
        Have the client leave after ever more steps of work, until the process runs.

        @param seen: Called with the run of each time, when it is over, if there was one.
        """
        for steps in range(30):
            self.threads.held = self.database.threads.held = True
            calling = call()
            for _ in range(steps):
                if not len(self.threads) and not len(self.database.threads):
                    break
                (self.threads if len(self.threads) else self.database.threads).work()
            runs = list(self.runs)
            running = any(run.process is not None for run in runs)
            if running:
                self.release()
                await self.said(runs[0].record.id, "ready")
            calling.cancel()
            # What a call came to before is nobody's business any more.
            calling.addBoth(lambda _: None)
            self.release()
            runs = list(self.runs) or runs
            self.gate.touch()
            for run in runs:
                seen(await run.over.wait())
            self.gate.unlink()
            self.assert_nothing_is_left()
            if running:
                return
        raise AssertionError("it never got a process")

    def release(self) -> None:
        self.threads.held = self.database.threads.held = False
        while len(self.threads) or len(self.database.threads):
            self.threads.work_off()
            self.database.threads.work_off()

    def request(self, **fields: Any) -> RunRequest:
        return RunRequest(prompt=f"say ready\nhold {self.gate}", **fields)

    async def test_one_whose_run_ends_with_it(self) -> None:
        def over(outcome: Outcome) -> None:
            outcomes.append((outcome.status, outcome.detail))

        outcomes: list[tuple[str, str]] = []
        await self.leave_everywhere(
            lambda: Deferred.fromCoroutine(self.claudebox.run(self.request())), over
        )
        # Before it was entered there was no run; afterwards the client's leaving ended it.
        self.assertGreater(len(outcomes), 3)
        self.assertEqual(set(outcomes), {(CANCELLED, _LEFT.detail)})

    async def test_one_whose_run_outlives_it(self) -> None:
        def over(outcome: Outcome) -> None:
            outcomes.append(outcome)

        outcomes: list[Outcome] = []
        for call in (
            lambda: self.claudebox.run(self.request(fire_and_forget=True)),
            lambda: self.claudebox.start(self.request(detach=True)),
        ):
            await self.leave_everywhere(lambda call=call: Deferred.fromCoroutine(call()), over)
        self.assertGreater(len(outcomes), 6)
        self.assertEqual(set(outcomes), {Outcome(COMPLETED, exit_code=0)})

    async def test_one_whose_run_ignores_it(self) -> None:
        prompt = f"ignore-sigterm\nspawn\nsay ready\nhold {self.gate}"
        calling = Deferred.fromCoroutine(self.claudebox.run(RunRequest(prompt=prompt)))
        (run,) = self.runs
        await self.said(run.record.id, "ready")
        calling.cancel()
        await self.error(calling, CancelledError)
        self.assertEqual((run.status, run.why), ("ending", _LEFT))
        self.clock.advance(TERMINATE_GRACE)
        self.assertEqual(await run.over.wait(), _LEFT)


class StartTests(ClaudeboxCase):
    async def test_it_has_begun(self) -> None:
        prompt = f"say ready\nhold {self.gate}"
        run = await self.claudebox.start(RunRequest(prompt=prompt, detach=True))
        self.assertIsNotNone(self.record(run.record.id).process)
        self.assertEqual(
            await self.claudebox.result(run.record.id),
            {"status": "running", "runId": run.record.id, "workspace": "default"},
        )
        self.gate.touch()
        await run.over.wait()

    async def test_it_has_not(self) -> None:
        self.database.failing = {"insert"}
        request = RunRequest(prompt="say x", detach=True)
        error = await self.error(self.claudebox.start(request), ClaudeboxError)
        self.assertEqual(error.status, 502)
        self.flushLoggedErrors()


class FollowTests(ClaudeboxCase):
    async def test_from_the_start_and_from_any_line(self) -> None:
        run, _ = await self.done("say a\nsay b")
        run_id = run.record.id
        lines = await self.all_lines(run_id, 0)
        self.assertEqual(len(lines), 4)
        for number, line in enumerate(lines):
            self.assertEqual(await self.all_lines(run_id, line.end), lines[number + 1 :])

    async def all_lines(self, run_id: str, offset: int) -> list[Any]:
        follower = await self.claudebox.follow(run_id, offset)
        found: list[Any] = []
        while (lines := await follower.lines()) is not None:
            found += lines
        follower.stop()
        return found

    async def test_places_that_no_line_ends_at(self) -> None:
        run, _ = await self.done("say a")
        size = self.instance.transcript(run.record.id).stat().st_size
        for offset in (1, size - 1, size + 1, 2**31, 2**63 - 1, 2**63, 10**30):
            error = await self.error(self.claudebox.follow(run.record.id, offset), ClaudeboxError)
            self.assertEqual(error.status, 400, offset)
        error = await self.error(self.claudebox.follow("unknown", 0), ClaudeboxError)
        self.assertEqual(error.status, 404)

    async def test_nothing_comes_for_a_while(self) -> None:
        run = await self.holding()
        follower = self.claudebox.followed(run.record.id)
        self.assertNotEqual(await follower.lines(), [])
        for _ in range(2):
            waiting = Deferred.fromCoroutine(follower.lines())
            self.clock.advance(14.5)
            self.assertNoResult(waiting)
            self.clock.advance(0.5)
            self.assertEqual(self.successResultOf(waiting), [])
        waiting = Deferred.fromCoroutine(follower.lines())
        self.gate.touch()
        lines = await waiting
        assert lines
        self.assertIn(b'"done"', lines[0].text)
        while await follower.lines() is not None:
            pass
        follower.stop()
        await run.over.wait()

    async def test_what_is_printed_last_is_told_before_the_end(self) -> None:
        run = await self.holding()
        follower = self.claudebox.followed(run.record.id)
        found: list[Any] = []
        self.gate.touch()
        while (lines := await follower.lines()) is not None:
            found += lines
        self.assertIn(b'"type":"result"', found[-1].text)
        self.assertIsNotNone(run.over.value)
        follower.stop()

    async def test_who_stops_or_is_cancelled_leaves_nothing(self) -> None:
        run = await self.holding()
        follower = self.claudebox.followed(run.record.id)
        await follower.lines()
        waiting = Deferred.fromCoroutine(follower.lines())
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        follower.stop()
        follower.stop()
        self.gate.touch()
        await run.over.wait()

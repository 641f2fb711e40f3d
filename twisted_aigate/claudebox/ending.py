"""Ending a run, and seeing to what it has left."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.claudebox.command import RunFiles
from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.records import FAILED, Outcome, RunTable
from twisted_aigate.claudebox.remains import (
    MOST_DETAIL,
    Result,
    bury,
    judge,
    read_result,
    signal_run,
)
from twisted_aigate.claudebox.run import Run
from twisted_aigate.claudebox.sessions import session_exists
from twisted_aigate.kernel.database import Database, DatabaseUnavailable
from twisted_aigate.kernel.processes import TERMINATE_GRACE
from twisted_aigate.kernel.threads import Threads


class Ending:
    """
    The end of an instance's runs; a L{twisted_aigate.claudebox.run.RunWork}.

    @param clock: Where the wait between SIGTERM and SIGKILL lives.
    @param instance: The instance.
    @param table: Its runs in the database.
    @param database: The database.
    @param threads: Where processes are looked for and files read.
    @param now: The time, in seconds of Unix time.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        instance: Instance,
        table: RunTable,
        database: Database,
        threads: Threads,
        now: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._instance = instance
        self._table = table
        self._database = database
        self._threads = threads
        self._now = now
        self._kills: dict[str, IDelayedCall] = {}

    def terminate(self, run: Run) -> None:
        """See L{twisted_aigate.claudebox.run.RunWork}."""
        self._signal(run, signal.SIGTERM)
        self._kills[run.record.id] = self._clock.callLater(TERMINATE_GRACE, self._kill, run)

    def _kill(self, run: Run) -> None:
        del self._kills[run.record.id]
        self._signal(run, signal.SIGKILL)

    def _signal(self, run: Run, number: signal.Signals) -> None:
        sent = self._threads.run(signal_run, run.record.id, run.record.process, number)
        sent.addErrback(self._failed, run.record.id)

    def _failed(self, failure: Failure, run_id: str) -> None:
        self._log.failure("run {run}: not ended as it should be", failure, run=run_id)

    def settle(self, run: Run) -> None:
        """See L{twisted_aigate.claudebox.run.RunWork}."""
        kill = self._kills.pop(run.record.id, None)
        if kill is not None:
            kill.cancel()
        settling = Deferred.fromCoroutine(self._settle(run))
        settling.addErrback(self._not_settled, run)
        settling.addCallback(run.events.settled)

    def _not_settled(self, failure: Failure, run: Run) -> Outcome:
        self._failed(failure, run.record.id)
        return Outcome(FAILED, "What the run has left could not be read.")

    async def _settle(self, run: Run) -> Outcome:
        run_id = run.record.id
        if not await self._threads.run(bury, run_id, run.record.process):
            self._log.error("run {run}: something of it cannot be killed", run=run_id)
        result, has_schema = await self._threads.run(self._look, run_id)
        exit_code = None if run.process is None else run.process.exit_code
        judged = judge(exit_code, result, run.why, has_schema=has_schema)
        # Cut when it is masked, so that no part of a secret is left at the cut.
        detail = self._instance.masked(judged.detail)[:MOST_DETAIL]
        outcome = Outcome(judged.status, detail, judged.exit_code)
        session = run.record.session_id
        if result is not None and result.session_id is not None:
            session = result.session_id
        exists = await self._threads.run(session_exists, self._instance.config, session)
        refused = result is not None and result.is_refused
        finished = partial(
            self._table.finished,
            run_id=run_id,
            workspace=run.record.workspace,
            # One that Claude Code refused here would be refused by the next run too.
            session_id=session if exists and not refused else None,
            lost_session=session if refused else None,
            outcome=outcome,
            now=self._now(),
        )
        try:
            await self._database.write(finished)
        except DatabaseUnavailable:
            # Who waits is told all the same; the database is, when the server is started again.
            self._log.failure("run {run}: its end is not in the database", run=run_id)
        return outcome

    def _look(self, run_id: str) -> tuple[Result | None, bool]:
        schema = RunFiles(self._instance.runs / run_id).json_schema
        return read_result(self._instance.transcript(run_id)), schema.exists()

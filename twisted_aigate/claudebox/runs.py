"""The runs of an instance: begun, found, cancelled, let go."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.claudebox.ending import Ending
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.launch import Launcher
from twisted_aigate.claudebox.models import Extras, RunRequest, check_extras
from twisted_aigate.claudebox.paths import normalised
from twisted_aigate.claudebox.records import FAILED, STOPPED, Outcome, RunRecord, RunTable
from twisted_aigate.claudebox.run import CANCEL_ASKED, SHUTDOWN, TIMEOUT, Run, RunProcess
from twisted_aigate.claudebox.sessions import choose_session
from twisted_aigate.claudebox.slots import Slots
from twisted_aigate.claudebox.workspaces import DEFAULT, Workspace, Workspaces
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.process_table import identify
from twisted_aigate.kernel.threads import Threads

_ENDED_KEPT = 50

_RETRY_AFTER = 5
"""Seconds; runs take from seconds to hours."""


class Runs:
    """
    The runs.

    @param clock: Where runs' time-outs live.
    @param launcher: Starts their processes.
    @param ending: Ends them.
    @param workspaces: Where they work.
    @param slots: How many there may be.
    @param table: Where they are in the database.
    @param database: The database.
    @param threads: Where files are looked for.
    @param config: The folder of Claude Code's configuration.
    @param timeout: Seconds after which a run that its client waits for is ended; 0: never.
    @param now: The time, in seconds of Unix time.
    @ivar ended: Those that were over last, for who watches.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        launcher: Launcher,
        ending: Ending,
        workspaces: Workspaces,
        slots: Slots,
        table: RunTable,
        database: Database,
        threads: Threads,
        config: Path,
        timeout: float,
        now: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._launcher = launcher
        self._ending = ending
        self._workspaces = workspaces
        self._slots = slots
        self._table = table
        self._database = database
        self._threads = threads
        self._config = config
        self._timeout = timeout
        self._now = now
        self._active: dict[str, Run] = {}
        self.ended: deque[Run] = deque(maxlen=_ENDED_KEPT)
        self._deadlines: dict[str, IDelayedCall] = {}
        self._stopping = False

    def __iter__(self) -> Iterator[Run]:
        """Those that are not over."""
        return iter(self._active.values())

    # Beginning.

    async def begin(self, request: RunRequest) -> Run:
        """
        Begin a run: its workspace is its own from now on.

        @return: The run, whose process is about to start.
        @raise ClaudeboxError: 409: the workspace has a run; 429: there are too many runs; 503:
            Claude Code is not installed; 400 or 422: the request cannot be met.
        """
        extras = await self._threads.run(check_extras, request)
        binary = await self._threads.run(self._launcher.binary)
        workspace = await self._workspaces.resolve(request.workspace)
        detached = request.fire_and_forget or request.detach
        timeout = request.timeout_seconds or (0 if detached else self._timeout)
        now = self._now()
        record = RunRecord(
            new_id(),
            workspace.name,
            "",
            request.output_format == "json-verbose",
            detached,
            now,
            now + timeout if timeout else None,
        )
        run = self._enter(record, workspace)
        launching = Deferred.fromCoroutine(self._launch(run, request, extras, binary))
        launching.addErrback(self._not_launched, run)
        return run

    def _enter(self, record: RunRecord, workspace: Workspace) -> Run:
        if self._stopping:
            raise ClaudeboxError(503, "The server is stopping.", retry_after=_RETRY_AFTER)
        busy = self._find_in(workspace.name)
        if busy is not None:
            raise ClaudeboxError(
                409,
                f"The workspace {workspace.name!r} already has a running Claude process.",
                extra={"runId": busy.record.id},
            )
        if not self._slots.take():
            raise ClaudeboxError(
                429, "As many Claude processes run as may.", retry_after=_RETRY_AFTER
            )
        return self._add(record, workspace)

    def _add(self, record: RunRecord, workspace: Workspace) -> Run:
        run = Run(record, workspace, self._ending)
        self._active[record.id] = run
        run.over.wait().addCallback(self._left, run)
        return run

    async def _launch(self, run: Run, request: RunRequest, extras: Extras, binary: str) -> None:
        last = await self._database.read(
            partial(self._table.session, workspace=run.record.workspace)
        )
        session = await self._threads.run(choose_session, request, last, self._config)
        run.record = evolve(run.record, session_id=session.id)
        await self._database.write(partial(self._table.insert, record=run.record))
        process = await self._launcher.launch(run, request, extras, session, binary)
        if process is None:
            self._ending.settle(run)
            return
        assert process.pid is not None
        identity = identify(process.pid)
        run.record = evolve(run.record, process=identity)
        if identity is None:
            # It is over already, and nothing of it has to be found after a restart.
            run.started.open(True)
        self._attach(run, process)
        self._log.info(
            "run {run}: started in {workspace!r}",
            run=run.record.id,
            workspace=run.record.workspace,
        )
        if identity is not None:
            await self._database.write(
                partial(self._table.started, run_id=run.record.id, process=identity)
            )
        run.started.open(True)

    def _attach(self, run: Run, process: RunProcess) -> None:
        run.events.spawned(process)
        if run.record.deadline is not None:
            seconds = max(0.0, run.record.deadline - self._now())
            self._deadlines[run.record.id] = self._clock.callLater(seconds, run.events.end, TIMEOUT)
        process.ended.addCallback(self._exited, run)

    def _exited(self, how: str, run: Run) -> None:
        self._log.info("run {run}: its process has ended ({how})", run=run.record.id, how=how)
        deadline = self._deadlines.pop(run.record.id, None)
        if deadline is not None and deadline.active():
            deadline.cancel()
        run.events.exited()

    def _not_launched(self, failure: Failure, run: Run) -> None:
        self._log.failure("run {run}: not started", failure, run=run.record.id)
        if run.process is not None:
            # It runs, and the database would not know of it after a restart.
            run.events.end(Outcome(STOPPED, "The run could not be kept in the database."))
            return
        run.why = run.why or Outcome(FAILED, f"Claude Code could not be started: {failure.value}")
        self._ending.settle(run)

    def _left(self, outcome: Outcome, run: Run) -> None:
        del self._active[run.record.id]
        self.ended.append(run)
        self._slots.give_back()

    # While they run.

    def adopt(self, record: RunRecord, workspace: Workspace, process: RunProcess) -> None:
        """Have a run that an earlier server started."""
        self._slots.take_anyway()
        run = self._add(record, workspace)
        self._attach(run, process)
        run.started.open(True)

    def find(self, run_id: str) -> Run | None:
        """A run that is not over."""
        return self._active.get(run_id)

    def _find_in(self, workspace: str) -> Run | None:
        return next((run for run in self if run.workspace.name == workspace), None)

    async def cancel(self, workspace: str | None, run_id: str | None) -> Run:
        """
        End a run, and wait until it is over.

        @param workspace: The workspace that it is in, when it is not named by its id.
        @raise ClaudeboxError: 404: there is none.
        """
        if run_id is not None:
            run = self.find(run_id)
        else:
            # By its name first: its folder may have been removed under it.
            run = self._find_in(normalised(workspace or DEFAULT))
            if run is None:
                run = self._find_in((await self._workspaces.resolve(workspace, make=False)).name)
        if run is None:
            raise ClaudeboxError(404, "Nothing runs there.")
        run.events.end(CANCEL_ASKED)
        await run.over.wait()
        return run

    # Stopping.

    async def stop(self) -> None:
        """End those whose clients wait for them, and let the others go on by themselves."""
        self._stopping = True
        ended: list[Deferred[Any]] = []
        for run in list(self):
            if run.record.detached and not run.is_ending:
                deadline = self._deadlines.pop(run.record.id, None)
                if deadline is not None and deadline.active():
                    deadline.cancel()
                if run.process is None:
                    ended.append(run.started.wait())
                continue
            run.events.end(SHUTDOWN)
            ended.append(run.over.wait())
        await gatherResults(ended)

"""After a restart: the runs that an earlier server has left."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.logger import Logger

from twisted_aigate.claudebox.ending import Ending
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.instance import RUN_VARIABLE
from twisted_aigate.claudebox.records import STOPPED, Outcome, RunRecord, RunTable
from twisted_aigate.claudebox.run import Run
from twisted_aigate.claudebox.runs import Runs
from twisted_aigate.claudebox.workspaces import Workspace, Workspaces
from twisted_aigate.kernel.adopted import AdoptedProcess
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.process_table import is_marked
from twisted_aigate.kernel.threads import Threads

_GIVEN_UP = Outcome(STOPPED, "The server was restarted while the run went on.")


class Adoption:
    """
    Sees to the runs that no server has seen the end of.

    One that outlives its client goes on, and has its result told; one that a client waited for is
    ended, since its client is gone.

    @param reactor: Watches adopted processes.
    @param runs: The runs of the instance.
    @param ending: Ends them.
    @param workspaces: Where they work.
    @param table: Where they are in the database.
    @param database: The database.
    @param threads: Where processes are looked at.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        runs: Runs,
        ending: Ending,
        workspaces: Workspaces,
        table: RunTable,
        database: Database,
        threads: Threads,
    ) -> None:
        self._reactor = reactor
        self._runs = runs
        self._ending = ending
        self._workspaces = workspaces
        self._table = table
        self._database = database
        self._threads = threads

    async def adopt(self) -> None:
        """See to all of them."""
        for record in await self._database.read(self._table.unfinished):
            process = await self._process(record)
            try:
                workspace: Workspace | None = await self._workspaces.resolve(record.workspace)
            except ClaudeboxError:
                # A symbolic link that leads out is where it was: what runs there is not ours to
                # offer again.
                self._log.error("run {run}: its workspace is gone", run=record.id)
                workspace = None
            if process is not None and workspace is not None and record.detached:
                self._log.info("run {run}: it goes on, and is ours again", run=record.id)
                self._runs.adopt(record, workspace, process)
                continue
            if process is not None:
                process.let_go()
            run = Run(record, workspace or await self._workspaces.resolve(None), self._ending)
            run.why = _GIVEN_UP
            self._ending.settle(run)
            outcome = await run.over.wait()
            self._log.info("run {run}: {status}", run=record.id, status=outcome.status)

    async def _process(self, record: RunRecord) -> AdoptedProcess | None:
        identity = record.process
        if identity is None:
            return None
        if not await self._threads.run(partial(is_marked, identity, RUN_VARIABLE, record.id)):
            return None
        try:
            return AdoptedProcess(self._reactor, identity)
        except ProcessLookupError:
            return None

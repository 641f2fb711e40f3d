"""The jobs as a whole: built out of the configuration, started, stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from twisted_aigate.interfaces import Posts
from twisted_aigate.jobs.files import JobFiles
from twisted_aigate.jobs.records import JobTable
from twisted_aigate.jobs.retention import Retention
from twisted_aigate.jobs.run import Workshop
from twisted_aigate.jobs.runner import Runner
from twisted_aigate.jobs.sealing import Seal
from twisted_aigate.jobs.service import Jobs
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.figures import Family
from twisted_aigate.kernel.settings import Settings
from twisted_aigate.kernel.threads import Threads


class JobsTree:
    """
    The jobs and what they run on.

    @param reactor: Keeps time (Unix time).
    @param settings: The settings.
    @param node: This process's name in the database.
    @param posts: What answers.
    @param database: Where jobs are kept.
    @param threads: Where bodies are read and written.
    @ivar jobs: The service.
    @ivar seal: Names owners.
    """

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        node: str,
        posts: Posts,
        database: Database,
        threads: Threads,
    ) -> None:
        self._table = table = JobTable(node)
        self._files = files = JobFiles(settings.data_dir / "jobs")
        self._database = database
        self._threads = threads
        self.seal = Seal(settings.master_key)
        workshop = Workshop(posts, table, database, files, threads, self.seal, reactor)
        self._runner = Runner(workshop, settings.jobs.concurrency)
        kept = settings.jobs.retention
        self._retention = Retention(reactor, table, database, files, threads, kept)
        self.jobs = Jobs(table, database, files, threads, self._runner, self.seal, reactor)

    async def start(self) -> None:
        """Go on with what an earlier server has left."""
        await self._threads.run(self._files.start)
        await self._retention.remove_strays()
        waiting = await self._database.write(self._table.requeue)
        self._retention.start()
        self._runner.start(waiting)

    async def figures(self) -> Sequence[Family]:
        """See L{twisted_aigate.interfaces.FigureSource}."""
        counts = [(("waiting",), self._runner.waiting), (("running",), self._runner.running)]
        return [Family("aigate_jobs", "gauge", "Jobs that are not over.", counts, ("state",))]

    def drain(self) -> Deferred[None]:
        """
        Start no further job.

        @return: Fires when none runs.
        """
        return self._runner.drain()

    def cut(self) -> None:
        """Stop the jobs that run; a restarted server runs them again."""
        self._runner.cut()

    async def stop(self) -> None:
        """End what runs beside the reactor."""
        drained = self._runner.drain()
        self._runner.cut()
        await drained
        await self._retention.stop()

"""An instance as a whole: built out of the configuration, started, stopped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from twisted_aigate.claudebox.adoption import Adoption
from twisted_aigate.claudebox.chat_models import ClaudeModels
from twisted_aigate.claudebox.ending import Ending
from twisted_aigate.claudebox.files import Files
from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.launch import Launcher
from twisted_aigate.claudebox.openai.chat import Chat
from twisted_aigate.claudebox.records import RunTable
from twisted_aigate.claudebox.results import Results
from twisted_aigate.claudebox.retention import Retention
from twisted_aigate.claudebox.runs import Runs
from twisted_aigate.claudebox.service import Claudebox
from twisted_aigate.claudebox.skills import FOLDER as SKILLS
from twisted_aigate.claudebox.slots import Slots
from twisted_aigate.claudebox.workspaces import Workspaces
from twisted_aigate.http_client.guarded import GuardedFetch, name_resolver
from twisted_aigate.kernel.addresses import is_public
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.figures import Family
from twisted_aigate.kernel.folder_watch import FolderWatch
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.kernel.threads import Threads


class ClaudeboxTree:
    """
    An instance and what it runs on.

    @param reactor: Starts and watches processes, keeps time (Unix time).
    @param configuration: The configuration.
    @param instance: The instance.
    @param node: This machine's name in the database.
    @param database: Where runs are kept.
    @param threads: Where files are read and written, and processes looked for.
    @param slots: How many runs there may be.
    @ivar claudebox: The service.
    @ivar chat: OpenAI's chat completions.
    @ivar models: The same, for the gateway.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        instance: Instance,
        node: str,
        database: Database,
        threads: Threads,
        slots: Slots,
    ) -> None:
        settings = configuration.settings
        now = reactor.seconds
        table = RunTable(node, instance.name)
        kept = (table, database, threads)
        workspaces = Workspaces(instance.workspaces, threads)
        ending = Ending(reactor, instance, *kept, now)
        launcher = Launcher(reactor, instance, configuration.environment, threads)
        runs = Runs(
            reactor,
            launcher,
            ending,
            workspaces,
            slots,
            *kept,
            instance.config,
            settings.edge.timeouts.claudebox,
            now,
        )
        self._instance = instance
        self._threads = threads
        self._watch = FolderWatch(reactor, instance.transcripts)
        self._adoption = Adoption(reactor, runs, ending, workspaces, *kept)
        self._retention = Retention(reactor, instance, *kept, settings.claudebox.retention, now)
        self.claudebox = Claudebox(
            instance,
            runs,
            Results(instance, *kept),
            Files(instance.workspaces, threads),
            reactor,
            self._watch,
            threads,
        )
        fetch = GuardedFetch(reactor, name_resolver(reactor), is_public)
        self.chat = Chat(self.claudebox, workspaces, fetch, threads, now)
        self.models = ClaudeModels(self.chat)

    async def figures(self) -> Sequence[Family]:
        """See L{twisted_aigate.interfaces.FigureSource}."""
        running = sum(1 for _ in self.claudebox.runs)
        samples = [((self._instance.name,), running)]
        return [Family("aigate_claude_runs", "gauge", "Runs in hand.", samples, ("instance",))]

    async def start(self) -> None:
        """See to what an earlier server has left, and serve from now on."""
        await self._threads.run(_make_folders, self._instance)
        try:
            self._watch.start()
        except OSError as error:
            # Followers look by themselves too, only later.
            self._log.error("events of runs come late: {error}", error=str(error))
        await self._adoption.adopt()
        self._retention.start()
        if os.geteuid() == 0:
            self._log.warn(
                "{name}: running as root: Claude Code is told that this is a sandbox"
                " (IS_SANDBOX=1), without which it refuses to run unattended",
                name=self._instance.name,
            )

    async def stop(self) -> None:
        """End the runs whose clients wait for them; the others go on by themselves."""
        await self.claudebox.runs.stop()
        await self._retention.stop()
        self._watch.stop()


def _make_folders(instance: Instance) -> None:
    folders: tuple[Path, ...] = (
        instance.workspaces,
        instance.config / SKILLS,
        instance.home,
        instance.runs,
        instance.transcripts,
    )
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (instance.folder, instance.runs, instance.transcripts, instance.config):
        # What people ask, and have done, is theirs.
        folder.chmod(0o700)

"""Claudebox itself: what its routes, its tools and the gateway ask of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IBodyProducer

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.files import Files
from twisted_aigate.claudebox.follow import Follower
from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.records import COMPLETED, RUNNING, Outcome
from twisted_aigate.claudebox.results import Results, public_status
from twisted_aigate.claudebox.run import CLIENT_LEFT, Run
from twisted_aigate.claudebox.runs import Runs
from twisted_aigate.kernel.folder_watch import FolderWatch
from twisted_aigate.kernel.shielding import shielded
from twisted_aigate.kernel.threads import Threads

_HEARTBEAT = 15.0
"""Seconds; proxies close what is silent for a minute."""


class Claudebox:
    """
    One instance of the tree.

    @param instance: What it is.
    @param clock: Where waiting lives.
    @param watch: Watches the folder of its transcripts.
    @param threads: Where files are read.
    @ivar runs: Its runs.
    @ivar results: What they came to.
    @ivar files: The files of its workspaces.
    """

    def __init__(
        self,
        instance: Instance,
        runs: Runs,
        results: Results,
        files: Files,
        clock: IReactorTime,
        watch: FolderWatch,
        threads: Threads,
    ) -> None:
        self.instance = instance
        self.runs = runs
        self.results = results
        self.files = files
        self._clock = clock
        self._watch = watch
        self._threads = threads

    async def begin(self, request: RunRequest) -> Run:
        """
        Begin a run; who is cancelled ends it, unless it is to outlive its client.

        @raise ClaudeboxError: As L{Runs.begin}.
        """
        beginning = Deferred.fromCoroutine(self.runs.begin(request))
        if request.fire_and_forget or request.detach:
            return await shielded(beginning)
        return await beginning

    async def finish(self, run: Run) -> Outcome:
        """
        Wait for a run's end; who is cancelled ends it, unless it is to outlive its client.

        @raise ClaudeboxError: It was not completed.
        """
        try:
            outcome = await run.over.wait()
        except CancelledError:
            if not run.record.detached:
                run.events.end(CLIENT_LEFT)
            raise
        if outcome.status != COMPLETED:
            raise await self.results.failure(run.record, outcome)
        return outcome

    async def run(self, request: RunRequest) -> bytes | IBodyProducer:
        """
        Have Claude Code do something, and wait for its result.

        @return: The result, as JSON.
        @raise ClaudeboxError: There is none.
        """
        run = await self.begin(request)
        await self.finish(run)
        return await self.results.body(run.record)

    async def start(self, request: RunRequest) -> Run:
        """
        Have Claude Code do something, and wait until it has begun.

        @raise ClaudeboxError: It has not.
        """
        run = await self.begin(request)
        if not await run.started.wait():
            raise await self.results.failure(run.record, await run.over.wait())
        return run

    async def result(self, run_id: str) -> bytes | IBodyProducer | dict[str, Any]:
        """
        How a run stands; its whole result when it is completed.

        @return: JSON, or a value for it.
        @raise ClaudeboxError: 404: there is no such run.
        """
        record = await self.results.find(run_id)
        outcome = record.outcome
        if outcome is None:
            return {"status": RUNNING, "runId": record.id, "workspace": record.workspace}
        if outcome.status == COMPLETED:
            return await self.results.body(record, COMPLETED)
        told = await self.results.explain(record, outcome)
        return {"status": public_status(outcome.status), "detail": outcome.detail, **told}

    async def follow(self, run_id: str, offset: int) -> Follower:
        """
        Follow a run.

        @param offset: Where in its transcript to begin.
        @raise ClaudeboxError: 404: there is no such run; 400: no line ends there.
        """
        await self.results.find(run_id)
        transcript = self.instance.transcript(run_id)
        if not await self._threads.run(_ends_line, transcript, offset):
            raise ClaudeboxError(400, "Last-Event-ID is not the id of an event of this run.")
        return self.followed(run_id, offset)

    def followed(self, run_id: str, offset: int = 0) -> Follower:
        """A run, followed from a line's end on."""
        return Follower(
            self.instance.transcript(run_id),
            self.runs.find(run_id),
            self._watch,
            self._threads,
            self._clock,
            _HEARTBEAT,
            offset,
        )


def _ends_line(transcript: Path, offset: int) -> bool:
    if offset == 0:
        return True
    try:
        with transcript.open("rb") as file:
            if offset > os.fstat(file.fileno()).st_size:
                return False
            file.seek(offset - 1)
            return file.read(1) == b"\n"
    except FileNotFoundError:
        return False

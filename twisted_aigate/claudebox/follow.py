"""Following a run: its lines, as they come, until it is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.claudebox.run import Run
from twisted_aigate.claudebox.transcript import Growth, Line, TranscriptReader
from twisted_aigate.kernel.folder_watch import FolderWatch
from twisted_aigate.kernel.threads import Threads


class Follower:
    """
    Follows a run.

    @param transcript: What it prints.
    @param run: The run; C{None}: it is over.
    @param watch: Watches the folder of the transcripts.
    @param threads: Where the transcript is read.
    @param clock: Where the patience lives.
    @param patience: Seconds without a line after which L{lines} returns none.
    @param offset: Where in the transcript to begin: 0, or the end of a line.
    """

    def __init__(
        self,
        transcript: Path,
        run: Run | None,
        watch: FolderWatch,
        threads: Threads,
        clock: IReactorTime,
        patience: float,
        offset: int = 0,
    ) -> None:
        self._reader = TranscriptReader(transcript, threads, offset)
        self._growth = Growth(watch, transcript.name)
        self._clock = clock
        self._patience = patience
        self._is_over = run is None
        self._over: Deferred[Any] | None = None
        if run is not None:
            self._over = run.over.wait()
            self._over.addCallbacks(self._ended, lambda failure: failure.trap(CancelledError))

    def _ended(self, outcome: object) -> None:
        self._is_over = True
        self._growth.tell()

    async def lines(self) -> list[Line] | None:
        """
        The next lines.

        @return: None at all: it is over, and this was the last; an empty list: nothing has come for
            a while.
        """
        while True:
            # Looked at before the reading: what is printed last is there when it is over.
            over = self._is_over
            lines = await self._reader.lines()
            if lines:
                return lines
            if over:
                return None
            if not await self._grows():
                return []

    async def _grows(self) -> bool:
        impatient = self._clock.callLater(self._patience, self._growth.tell)
        try:
            await self._growth.wait()
            return impatient.active()
        finally:
            if impatient.active():
                impatient.cancel()

    def stop(self) -> None:
        """Follow no more."""
        self._growth.stop()
        if self._over is not None:
            self._over.cancel()

"""A process that an earlier server started: watched and ended, though it is not our child."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet

from twisted_aigate.kernel.process_table import ProcessIdentity, open_pidfd


class AdoptedProcess(FileDescriptor):
    """
    The process, through a pidfd, which is readable once the process has ended (pidfd_open(2)).

    How it ended only its parent is told: C{exit_code} is never known.

    @param reactor: Watches the pidfd.
    @param identity: The process.
    @raise ProcessLookupError: It has ended.
    @ivar ended: Fires when it has.
    """

    exit_code: int | None = None

    def __init__(self, reactor: IReactorFDSet, identity: ProcessIdentity) -> None:
        super().__init__(reactor)
        self.ended: Deferred[str] = Deferred()
        self._descriptor = open_pidfd(identity)
        reactor.addReader(self)

    def fileno(self) -> int:
        """See L{FileDescriptor}."""
        return self._descriptor

    def doRead(self) -> None:
        """It has ended."""
        self.let_go()
        self.ended.callback("ended")

    def let_go(self) -> None:
        """Watch it no more; it goes on."""
        self.reactor.removeReader(self)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""
        self.let_go()

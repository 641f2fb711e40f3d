"""The sessions of a server: bounded in number, and ended when nobody uses them."""

from __future__ import annotations

from collections.abc import Callable

from mcp_types import InitializeRequestParams
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.mcp.announcements import Announcements
from twisted_aigate.mcp.errors import TooManySessions
from twisted_aigate.mcp.session import Session


class Sessions:
    """
    The sessions.

    @param clock: Where idle time lives.
    @param most: How many there may be.
    @param idle: Seconds without a request or an open stream after which one is over; 0: never.
    @param announcements: Where changes are told.
    @param forget: Called with the id of each that is over.
    """

    def __init__(
        self,
        clock: IReactorTime,
        most: int,
        idle: float,
        announcements: Announcements,
        forget: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._most = most
        self._idle = idle
        self._announcements = announcements
        self._forget = forget
        # By when they were used last, the longest ago first.
        self._used: dict[str, float] = {}
        self._sessions: dict[str, Session] = {}
        self._sweep: IDelayedCall | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._sessions)

    def begin(self, owner: ToolCaller, version: str, client: InitializeRequestParams) -> Session:
        """
        Begin one.

        When there are as many as there may be, the one that has been idle longest makes room.

        @raise TooManySessions: None is idle.
        """
        if len(self._sessions) >= self._most:
            idle = next((id for id in self._used if self._sessions[id].is_idle), None)
            if idle is None:
                raise TooManySessions
            self._end(idle)
        session = Session(new_id(), owner, version, client, self._announcements)
        self._sessions[session.id] = session
        self._use(session.id)
        return session

    def find(self, id: str, caller: ToolCaller) -> Session | None:
        """One of a caller's own."""
        session = self._sessions.get(id)
        if session is None or session.owner != caller:
            return None
        self._use(id)
        return session

    def end(self, session: Session) -> None:
        """Its client has ended it."""
        self._end(session.id)

    def drain(self) -> None:
        """End the streams that belong to no request."""
        for session in self._sessions.values():
            session.own.finish()

    def stop(self) -> None:
        """End all."""
        for id in list(self._sessions):
            self._end(id)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _use(self, id: str) -> None:
        self._used.pop(id, None)
        self._used[id] = self._clock.seconds()
        if self._sweep is None and self._idle:
            self._sweep = self._clock.callLater(self._idle, self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweep = None
        now = self._clock.seconds()
        for id, used in list(self._used.items()):
            if now - used < self._idle:
                break
            if self._sessions[id].is_idle:
                self._end(id)
            else:
                self._use(id)
        if self._used and self._sweep is None:
            first = next(iter(self._used.values()))
            self._sweep = self._clock.callLater(first + self._idle - now, self._sweep_now)

    def _end(self, id: str) -> None:
        session = self._sessions.pop(id)
        del self._used[id]
        session.close()
        self._forget(id)

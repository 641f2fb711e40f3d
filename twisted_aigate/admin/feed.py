"""What an open page is told every second, over its WebSocket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from twisted_aigate.admin.figures import SECONDS, Figures, Row, Summary
from twisted_aigate.interfaces import Snapshot
from twisted_aigate.kernel.log_ring import Logged, LogRing
from twisted_aigate.kernel.units import SECOND
from twisted_aigate.kernel.websocket.interfaces import (
    POLICY_VIOLATION,
    IWebSocket,
    IWebSocketListener,
    Message,
)

_EVERY = 1 * SECOND
_MOST_EVENTS = 200
"""Log events of one message: the newest, when there are more."""


class Service(Struct, frozen=True):
    """
    Something that the platform has.

    @ivar reason: Why it is off; null: it is on.
    """

    name: str
    reason: str | None


class Told(Struct, omit_defaults=True):
    """
    A message to the page.

    @ivar rows: The seconds since the last message; at first, all.
    @ivar states: How things stand: those that have changed.
    @ivar services: At first: what is on and off.
    @ivar events: Log events since the last message, for who follows them.
    """

    rows: Sequence[Row]
    minute: Summary
    states: Mapping[str, Raw]
    version: str | None = None
    services: Sequence[Service] | None = None
    events: Sequence[Logged] | None = None


class Wish(Struct, forbid_unknown_fields=True):
    """
    A message from the page.

    @ivar logs: It follows the log from now on, or does not any more.
    """

    logs: bool


_encoder = msgspec.json.Encoder()
_wishes = msgspec.json.Decoder(Wish)


class Feed:
    """
    Tells open pages.

    @param clock: Where seconds are.
    @param figures: The counts.
    @param ring: The log.
    @param snapshots: How things stand, by their names.
    @param version: Of the server.
    @ivar services: Says what is on and off.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        figures: Figures,
        ring: LogRing,
        snapshots: Mapping[str, Snapshot],
        version: str,
    ) -> None:
        self._clock = clock
        self._figures = figures
        self._ring = ring
        self._snapshots = snapshots
        self._version = version
        self._watchers: set[_Watcher] = set()
        self._timer: IDelayedCall | None = None
        self._states: dict[str, Raw] = {}
        self.services: Sequence[Service] = ()

    def watch(self, socket: IWebSocket) -> None:
        """Tell a page from now on, until it is gone."""
        watcher = _Watcher(self, socket)
        self._watchers.add(watcher)
        if self._timer is None:
            self._read_states()
            self._timer = self._clock.callLater(_EVERY, self._tick)
        told = Told(
            self._figures.rows(SECONDS),
            self._figures.minute(),
            self._states,
            self._version,
            self.services,
        )
        watcher.tell(_encoder.encode(told))
        socket.registerProducer(watcher)
        socket.start(watcher)

    def forget(self, watcher: _Watcher) -> None:
        """A page is gone."""
        self._watchers.discard(watcher)
        if not self._watchers:
            self.stop()

    def stop(self) -> None:
        """Tell nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def newest(self) -> int:
        """The number of the newest log event."""
        return self._ring.newest

    def _read_states(self) -> dict[str, Raw]:
        """Those that have changed."""
        changed = {}
        for name, snapshot in self._snapshots.items():
            state = Raw(_encoder.encode(snapshot()))
            if self._states.get(name) != state:
                self._states[name] = changed[name] = state
        return changed

    def _tick(self) -> None:
        self._timer = self._clock.callLater(_EVERY, self._tick)
        try:
            self._tell()
        except Exception:
            self._log.failure("open admin pages cannot be told")

    def _tell(self) -> None:
        changed = self._read_states()
        told = Told(self._figures.rows(1), self._figures.minute(), changed)
        usual = _encoder.encode(told)
        for watcher in list(self._watchers):
            if watcher.is_behind:
                # It misses a second, and reads all states anew when it can.
                continue
            if watcher.missed or watcher.follows:
                states = self._states if watcher.missed else changed
                events = self._events(watcher)
                rows = self._figures.rows(min(watcher.missed + 1, SECONDS))
                watcher.tell(_encoder.encode(Told(rows, told.minute, states, events=events)))
            else:
                watcher.tell(usual)

    def _events(self, watcher: _Watcher) -> list[Logged] | None:
        if not watcher.follows:
            return None
        events = self._ring.after(watcher.read_to, _MOST_EVENTS)
        watcher.read_to = self._ring.newest
        return list(events)


@implementer(IWebSocketListener, IPushProducer)
class _Watcher:
    """
    An open page.

    @ivar is_behind: It reads too slowly to be told more now.
    @ivar missed: Seconds that it was not told.
    @ivar follows: It follows the log.
    @ivar read_to: The number of the last log event that it was told.
    """

    def __init__(self, feed: Feed, socket: IWebSocket) -> None:
        self._feed = feed
        self._socket = socket
        self._paused = False
        self.missed = 0
        self.follows = False
        self.read_to = 0

    @property
    def is_behind(self) -> bool:
        if self._paused:
            self.missed += 1
        return self._paused

    def tell(self, message: bytes) -> None:
        self.missed = 0
        self._socket.send(Message(message))

    def received(self, message: Message) -> None:
        try:
            wish = _wishes.decode(message.data)
        except msgspec.MsgspecError:
            self._socket.close(POLICY_VIOLATION, "not understood")
            return
        self.follows, self.read_to = wish.logs, self._feed.newest

    def closed(self, code: int, reason: str) -> None:
        self._feed.forget(self)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False

    def stopProducing(self) -> None:
        self._feed.forget(self)

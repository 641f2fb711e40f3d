"""A browser's desktop as a moving picture, for a person who watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from twisted_aigate.browser.errors import BrowserDied, BrowserError
from twisted_aigate.browser.pool import Pool
from twisted_aigate.browser.replica import Replica
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import SECOND

BOUNDARY = b"aigate-frame"
MOST_VIEWERS = 8
_STILL = 5 * SECOND
"""After this long a picture is sent although it is the one before."""

Write = Callable[[bytes], None]


@frozen
class View:
    """
    How a desktop is watched.

    @ivar width: Pixels.
    @ivar rate: Pictures a second, at most.
    @ivar quality: Of the JPEG, from 1 to 95.
    """

    width: int = 960
    rate: float = 5.0
    quality: int = 60


class Live:
    """
    Shows desktops.

    @param clock: Where the time between pictures lives.
    @param pool: The browsers.
    @param threads: Where pictures are made.
    """

    def __init__(self, clock: IReactorTime, pool: Pool, threads: Threads) -> None:
        self._clock = clock
        self._pool = pool
        self._threads = threads
        self._viewers = 0

    def watch(self, name: str, view: View) -> IBodyProducer:
        """
        Watch a browser.

        @return: C{multipart/x-mixed-replace} with L{BOUNDARY}; it has no end, and goes on with the
            next browser when one ends. A picture is made when the one before has been taken.
        @raise BrowserError: There is nothing to be seen.
        """
        replica = self._pool.replicas.get(name)
        if replica is None:
            raise BrowserError(404, f"There is no browser {name!r}.")
        if replica.session is None:
            raise BrowserError(409, f"{name} does not run; it starts when it has something to do.")
        if replica.session.display is None:
            raise BrowserError(409, f"The desktop of {name} is out of reach.")
        if self._viewers >= MOST_VIEWERS:
            raise BrowserError(503, f"{MOST_VIEWERS} watch already.")

        async def produce(producer: CoroutineProducer, write: Write) -> None:
            self._viewers += 1
            try:
                await self._show(replica, view, producer.ready, write)
            finally:
                self._viewers -= 1

        return CoroutineProducer(UNKNOWN_LENGTH, produce)

    async def _show(
        self, replica: Replica, view: View, ready: Callable[[], Awaitable[None]], write: Write
    ) -> None:
        last, sent_at = b"", 0.0
        while replica.state != "stopped":
            await ready()
            began = self._clock.seconds()
            picture = await self._picture(replica, view)
            if picture is not None and (picture != last or began - sent_at >= _STILL):
                # A browser shows a picture when it sees the boundary after it.
                head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
                opening = b"" if last else b"--%b\r\n" % BOUNDARY
                write(b"%b%b%b\r\n--%b\r\n" % (opening, head, picture, BOUNDARY))
                last, sent_at = picture, began
            await self._pause(began + 1 / view.rate - self._clock.seconds())

    async def _picture(self, replica: Replica, view: View) -> bytes | None:
        display = None if replica.session is None else replica.session.display
        if display is None:
            return None
        try:
            return await self._threads.run(_jpeg, display, view)
        except BrowserDied:
            return None

    async def _pause(self, seconds: float) -> None:
        passed: Deferred[None] = Deferred()
        call = self._clock.callLater(max(seconds, 0), passed.callback, None)
        try:
            await passed
        finally:
            if call.active():
                call.cancel()


def _jpeg(display: int, view: View) -> bytes:
    # Imported when it is first needed: Pillow costs memory that few servers have a use for.
    from twisted_aigate.browser.screen import desktop_jpeg

    return desktop_jpeg(display, view.width, view.quality)

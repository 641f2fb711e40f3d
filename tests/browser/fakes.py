"""Browsers that do not run: the test says when they start, what they find and when they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.browser.session import Footprint
from twisted_aigate.kernel.latch import Latch


class FakeSession:
    """
    A L{twisted_aigate.browser.session.Session}.

    @ivar works: What was asked of its thread, in order, each with its result to be given.
    @ivar ending: Fires when it has ended; the test does that.
    @ivar taken: What it takes.
    @ivar asked: Whether it was asked before it was ended; C{None}: it was not ended.
    """

    display: int | None = 7

    def __init__(self) -> None:
        self.broken: Latch[str] = Latch()
        self.works: list[tuple[Callable[[Any], Any], Deferred[Any]]] = []
        self.ending: Deferred[None] = Deferred()
        self.asked: bool | None = None
        self.taken = Footprint(0, 0)

    def run(self, work: Callable[[Any], Any]) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.works.append((work, result))
        return result

    def footprint(self) -> Deferred[Footprint]:
        return succeed(self.taken)

    async def end(self, *, asked: bool) -> None:
        self.asked = asked
        await self.ending


class FakeLauncher:
    """
    A L{twisted_aigate.browser.launching.Launcher}.

    @ivar launches: The names of what is being started, each with its session to be given.
    """

    def __init__(self) -> None:
        self.launches: list[tuple[str, Deferred[FakeSession]]] = []

    @property
    def names(self) -> list[str]:
        """What was started, in order."""
        return [name for name, _ in self.launches]

    async def prepare(self) -> None:
        """There is nothing to be had."""

    async def launch(self, name: str) -> Any:
        result: Deferred[FakeSession] = Deferred()
        self.launches.append((name, result))
        return await result

    def succeed(self, index: int = -1) -> FakeSession:
        """A browser runs."""
        session = FakeSession()
        self.launches[index][1].callback(session)
        return session

    def fail(self, why: str, index: int = -1) -> None:
        """It does not."""
        self.launches[index][1].errback(BrowserDied(why))

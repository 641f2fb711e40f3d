"""A connection to Redis that is made again whenever it is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from twisted_aigate.kernel.connecting import connect
from twisted_aigate.kernel.redis.address import RedisAddress, RedisReactor
from twisted_aigate.kernel.redis.connection import Connection
from twisted_aigate.kernel.units import SECOND

_FIRST_PAUSE = 0.1 * SECOND
_LONGEST_PAUSE = 5 * SECOND
_STOPPED = "stopped"


async def _nothing(connection: Connection) -> None:
    pass


class Link:
    """
    The connection.

    @param reactor: What connects.
    @param address: Where to.
    @param random: Spreads the tries of many processes.
    @param message: See L{Connection}.
    @param prepare: Makes a new connection ready for use.
    @ivar connection: The one that is ready; C{None}: Redis is down.
    @ivar reason: Why it is down.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: RedisReactor,
        address: RedisAddress,
        random: Random,
        message: Callable[[bytes, bytes], object] | None = None,
        prepare: Callable[[Connection], Awaitable[None]] = _nothing,
    ) -> None:
        self._reactor = reactor
        self._address = address
        self._random = random
        self._prepare = prepare
        self._factory = Factory.forProtocol(lambda: Connection(reactor, message))
        self._factory.noisy = False
        self._failures = 0
        self._keeping: Deferred[None] | None = None
        self._said_down = False
        self.connection: Connection | None = None
        self.reason = "not started"

    async def start(self) -> None:
        """Connect, and again whenever the connection is lost; the first try is waited for."""
        await self._try()
        self._keeping = Deferred.fromCoroutine(self._keep())
        self._keeping.addErrback(lambda failure: failure.trap(CancelledError))

    async def stop(self) -> None:
        """End the connection."""
        self.reason = _STOPPED
        if self._keeping is not None:
            self._keeping.cancel()
            await self._keeping

    async def _keep(self) -> None:
        while True:
            if self.connection is not None:
                await self._use(self.connection)
            await self._pause()
            await self._try()

    async def _try(self) -> None:
        try:
            self.connection = await self._open()
        except CancelledError:
            raise
        except Exception as error:
            self._failures += 1
            self._down(str(error) or type(error).__name__)
        else:
            self._failures = 0
            if self._said_down:
                self._said_down = False
                self._log.info("{redis} is up again", redis=str(self._address))

    async def _open(self) -> Connection:
        connection = await connect(self._address.endpoint(self._reactor), self._factory)
        assert isinstance(connection, Connection)
        ready = False
        try:
            await self._greet(connection)
            await self._prepare(connection)
            ready = True
        finally:
            if not ready:
                await self._close(connection)
        return connection

    async def _greet(self, connection: Connection) -> None:
        address = self._address
        if address.password is not None:
            user = () if address.username is None else (address.username,)
            await connection.command(b"AUTH", *user, address.password.reveal())
        # A server that listens and does not answer is down too.
        await connection.command(b"SELECT", address.database)

    async def _use(self, connection: Connection) -> None:
        try:
            why = await connection.lost.wait()
        finally:
            self.connection = None
            await self._close(connection)
        self._down(why)

    async def _close(self, connection: Connection) -> None:
        connection.close(_STOPPED)
        await connection.lost.wait()

    def _down(self, why: str) -> None:
        self.reason = why
        if not self._said_down:
            # Once, and not at each try or command.
            self._said_down = True
            self._log.warn("{redis} is down: {reason}", redis=str(self._address), reason=why)

    def _pause(self) -> Deferred[None]:
        longest = min(_FIRST_PAUSE * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)
        paused: Deferred[None] = Deferred(lambda _: timer.cancel())
        seconds = longest * (0.5 + self._random.random() / 2)
        timer = self._reactor.callLater(seconds, paused.callback, None)
        return paused

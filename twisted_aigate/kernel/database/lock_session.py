"""
One PostgreSQL session that keeps a process's advisory locks.

PostgreSQL keeps a session's advisory locks until it gives them back or ends, whatever ended it: so
a process that dies holds nobody up. The session has a connection of its own, in psycopg2's
asynchronous mode, which the reactor polls: no thread stands between, and the reactor hears at once
when the server closes it. What is asked while an answer is on its way goes together into the next
statement, so that many who come at once cost one round trip.

Any error ends the session: which locks a statement took before it failed cannot be known, and a
session that is over has none. The next question opens another one.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from threading import Event
from time import monotonic
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_WRITE
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_aigate.kernel.database.errors import DatabaseUnavailable
from twisted_aigate.kernel.database.jobs import ATTEMPTS_PAUSES
from twisted_aigate.kernel.threads import Threads

_MOST_TOGETHER = 200
"""Expressions in one statement: PostgreSQL takes 1,664."""

_CONNECT_TIMEOUT = 10.0
_LOOK_EVERY = 0.2
"""Seconds after which a thread that connects looks whether it is still wanted."""

# We must see that the server is gone before it gives our locks to others: its own patience with a
# client that does not answer is twice ours.
_PATIENCE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_SET_UP = """
SELECT set_config(name, wanted, false) FROM pg_settings JOIN (VALUES
    ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'),
    ('idle_session_timeout', '0'), ('statement_timeout', '0')
) AS ours (setting_name, wanted) ON name = setting_name
"""


class SessionLost(Exception):
    """The session ended before it answered; its locks are gone."""


@implementer(IReadDescriptor, IWriteDescriptor)
class LockSession:
    """
    The session. It is opened when it is first needed.

    @param reactor: Polls the connection.
    @param parameters: libpq's connection parameters.
    @ivar number: Of the session that is open, or is opened next: locks of one before it are gone.
    """

    _log = Logger()

    def __init__(self, reactor: Any, parameters: dict[str, Any]) -> None:
        self._reactor = reactor
        self._parameters = {**_PATIENCE, **parameters}
        self._threads = Threads(reactor, 1, "lock-session")
        self._asked: deque[tuple[str, Deferred[Any]]] = deque()
        self._on_the_way: list[Deferred[Any]] = []
        self._connection: Any = None
        self._cursor: Any = None
        self._descriptor = -1
        self._connecting: Deferred[None] | None = None
        self._unwanted = Event()
        self._listeners: list[Callable[[], object]] = []
        self.number = 0

    def ask(self, expression: str) -> Deferred[Any]:
        """
        Evaluate an SQL expression, in the order of asking.

        @return: Its value. It cannot be cancelled: who asks must learn what they have got.
        @raise SessionLost: The session ended meanwhile.
        @raise DatabaseUnavailable: None is to be had.
        """
        if self._unwanted.is_set():
            return fail(DatabaseUnavailable("stopped"))
        answer: Deferred[Any] = Deferred()
        self._asked.append((expression, answer))
        self._send()
        return answer

    def when_lost(self, listener: Callable[[], object]) -> None:
        """Have C{listener} called each time that an open session ends unasked."""
        self._listeners.append(listener)

    def stop(self) -> None:
        """End the session; its locks go with it."""
        self._unwanted.set()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        if self._connection is not None:
            self._close()
        self._refuse(DatabaseUnavailable("stopped"))
        self._threads.stop()

    # Connecting.

    async def _connect(self) -> None:
        error: Exception | None = None
        for pause in ATTEMPTS_PAUSES:
            await self._pause(pause)
            try:
                self._connection = await self._threads.run(self._open)
            except Exception as failed:
                error = failed
            else:
                self._cursor = self._connection.cursor()
                # libpq closes its own as soon as the server is gone, and its number may be
                # another's before the reactor has let go of it.
                self._descriptor = os.dup(self._connection.fileno())
                self._reactor.addReader(self)
                return
        self._refuse(DatabaseUnavailable(str(error).strip()))

    def _pause(self, seconds: float) -> Deferred[None]:
        waited: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._reactor.callLater(seconds, waited.callback, None)
        return waited

    def _open(self) -> Any:
        # In a thread: looking up the server's name blocks, in this mode too.
        connection = psycopg2.connect(**self._parameters, async_=1)
        try:
            deadline = monotonic() + _CONNECT_TIMEOUT
            self._wait(connection, deadline)
            # psycopg2 keeps no cursor alive that awaits its result.
            cursor = connection.cursor()
            cursor.execute(_SET_UP)
            self._wait(connection, deadline)
        except BaseException:
            connection.close()
            raise
        return connection

    def _wait(self, connection: Any, deadline: float) -> None:
        while (state := connection.poll()) != POLL_OK:
            if self._unwanted.is_set() or monotonic() > deadline:
                raise TimeoutError("the database does not answer")
            with DefaultSelector() as selector:
                wanted = EVENT_WRITE if state == POLL_WRITE else EVENT_READ
                selector.register(connection.fileno(), wanted)
                selector.select(_LOOK_EVERY)

    def _connected(self, result: object) -> None:
        self._connecting = None
        if isinstance(result, Failure) and not self._unwanted.is_set():
            self._log.failure("the session of the locks could not be opened", result)
        self._send()

    # Asking.

    def _send(self) -> None:
        busy = self._on_the_way or self._connecting is not None
        if busy or not self._asked or self._unwanted.is_set():
            return
        if self._connection is None:
            self._connecting = Deferred.fromCoroutine(self._connect())
            self._connecting.addBoth(self._connected)
            return
        count = min(len(self._asked), _MOST_TOGETHER)
        asked = [self._asked.popleft() for _ in range(count)]
        self._on_the_way = [answer for _, answer in asked]
        try:
            self._cursor.execute(f"SELECT {', '.join(expression for expression, _ in asked)}")
        except Exception as error:
            self._lose(error)
        else:
            self._poll()

    def _poll(self) -> None:
        try:
            state = self._connection.poll()
            row = self._cursor.fetchone() if state == POLL_OK and self._on_the_way else None
        except Exception as error:
            self._lose(error)
            return
        if state == POLL_WRITE:
            self._reactor.addWriter(self)
        else:
            self._reactor.removeWriter(self)
        if row is not None:
            # Until all have theirs nothing is sent: what they ask next is asked together.
            for answer, value in zip(self._on_the_way, row, strict=True):
                answer.callback(value)
            self._on_the_way = []
            self._send()

    def _refuse(self, error: Exception) -> None:
        answers = [*self._on_the_way, *(answer for _, answer in self._asked)]
        self._on_the_way = []
        self._asked.clear()
        for answer in answers:
            if not answer.called:
                answer.errback(error)

    # Ending.

    def _lose(self, error: Exception) -> None:
        self._log.warn("the session of the locks is lost: {error}", error=str(error).strip())
        self._close()
        self.number += 1
        lost, self._on_the_way = self._on_the_way, []
        for listener in self._listeners:
            listener()
        for answer in lost:
            answer.errback(SessionLost())
        self._send()

    def _close(self) -> None:
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        os.close(self._descriptor)
        self._descriptor = -1
        connection, self._connection, self._cursor = self._connection, None, None
        connection.close()

    # What the reactor calls.

    def fileno(self) -> int:
        """See L{IReadDescriptor}."""
        return self._descriptor

    def doRead(self) -> None:
        """See L{IReadDescriptor}."""
        self._poll()

    def doWrite(self) -> None:
        """See L{IWriteDescriptor}."""
        self._poll()

    def connectionLost(self, reason: Failure) -> None:
        """See L{IReadDescriptor}."""
        if self._connection is not None:
            self._lose(Exception(reason.getErrorMessage()))

    def logPrefix(self) -> str:
        """See L{IReadDescriptor}."""
        return "lock-session"

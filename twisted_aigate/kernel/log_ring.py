"""The newest log events, kept in memory to be searched."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct
from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

from twisted_aigate.kernel.identifiers import current_request_id
from twisted_aigate.kernel.logging import message_of
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.units import KB

_MOST_TEXT = 4 * KB
"""Characters of a message; tracebacks have more."""

_MASK = "****"
_LEAST_SECRET = 8


class Logged(Struct, frozen=True):
    """
    An event.

    @ivar number: Counts up by one from each to the next.
    @ivar time: Seconds of Unix time.
    @ivar level: C{debug}, C{info}, C{warn}, C{error} or C{critical}.
    @ivar logger: Who says it.
    @ivar message: What; a traceback may follow in it.
    @ivar request_id: The request that it is about; empty: none.
    """

    number: int
    time: float
    level: str
    logger: str
    message: str
    request_id: str


@implementer(ILogObserver)
class LogRing:
    """
    Keeps the newest events, from the level C{info} on.

    @param size: How many.
    @param secrets: What no message may tell: a mask takes its place, whoever logged it.
    """

    def __init__(self, size: int, secrets: Iterable[Secret]) -> None:
        self._events: deque[Logged] = deque(maxlen=size)
        revealed = (secret.reveal() for secret in secrets)
        # Shorter ones are words that anything may say.
        self._secrets = tuple(text for text in revealed if len(text) >= _LEAST_SECRET)
        self._next = 1

    @property
    def newest(self) -> int:
        """The number of the newest event; 0: there was none."""
        return self._next - 1

    def __call__(self, event: LogEvent) -> None:
        """Keep the event."""
        level = event["log_level"]
        if level < LogLevel.info:
            return
        message = message_of(event)
        for secret in self._secrets:
            if secret in message:
                message = message.replace(secret, _MASK)
        self._events.append(
            Logged(
                self._next,
                event["log_time"],
                level.name,
                event.get("log_namespace", ""),
                message[:_MOST_TEXT],
                event.get("request_id") or current_request_id.get() or "",
            )
        )
        self._next += 1

    def after(self, number: int, most: int) -> Sequence[Logged]:
        """The events that came after one, the newest C{most} of them, in order."""
        count = min(self.newest - number, most, len(self._events))
        return list(islice(self._events, len(self._events) - count, None)) if count > 0 else []

    def find(self, request_id: str, text: str, levels: frozenset[str], most: int) -> list[Logged]:
        """
        Search.

        @param request_id: The beginning of the request's id; empty: of any, or none.
        @param text: What the message has in it, whatever its case.
        @param levels: Those wanted; empty: all.
        @return: The newest C{most} events, the newest first.
        """
        wanted = text.casefold()

        def found() -> Iterator[Logged]:
            for event in reversed(self._events):
                if (
                    event.request_id.startswith(request_id)
                    and (not levels or event.level in levels)
                    and wanted in event.message.casefold()
                ):
                    yield event

        return list(islice(found(), most))

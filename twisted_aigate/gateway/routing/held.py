"""A body whose first bytes are waited for, since until then another can take its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.sse import EventParser
from twisted_aigate.kernel.collector import Collector
from twisted_aigate.kernel.units import KB, MB

MOST_WHOLE = 256 * MB
"""Bytes of an answer that is kept until it is whole: no model answers more."""

_MOST_HELD = 64 * KB
"""What is larger than this goes out, whatever it is."""


@implementer(IBodyProducer, IConsumer)
class HeldBody:
    """
    Holds a body's beginning, then passes it on.

    @param source: The body.
    @param events: It is a stream of events: its first event is held until it is complete, and the
        comments before it, which only keep the connection open.
    @ivar over: Called once, when it has ended or is wanted no more.
    @ivar seen: Called with each piece that is passed on.
    @ivar first: The data of the first event, or nothing of one that is too large; C{None}: none
        has come.
    """

    def __init__(self, source: IBodyProducer, *, events: bool = False) -> None:
        self.length = source.length
        self.over: Callable[[], None] | None = None
        self.seen: Callable[[bytes], None] | None = None
        self.first: bytes | None = None
        self._source = source
        self._parser = EventParser() if events else None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._paused = False
        self._consumer: IConsumer | None = None
        self._begun: Deferred[None] | None = None
        self._outcome: Failure | None = None
        self._is_over = False
        self._done: Deferred[None] | None = None

    async def begin(self) -> None:
        """
        Wait for the beginning, or for the end of a body that has none.

        @raise Exception: Why none will come. Cancelling it ends the body.
        """
        begun: Deferred[None] = Deferred()
        self._begun = begun
        self._source.startProducing(self).addBoth(self._ended)
        try:
            await begun
        except CancelledError:
            self.stopProducing()
            raise
        finally:
            self._begun = None

    def _ended(self, result: Failure | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._outcome = result if isinstance(result, Failure) else None
        if self.first is None and self._outcome is None:
            self._has_begun(b"\n\n")  # the last event may lack its end
        begun = self._begun
        if begun is not None and not begun.called:
            begun.callback(self._outcome)
        self._flush()

    def _tell_over(self) -> None:
        over, self.over = self.over, None
        if over is not None:
            over()

    # For the source.

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        if self._is_over or not data:
            return
        if self._consumer is not None and not self._held:
            self._pass_on(data)
            return
        self._held.append(data)
        self._held_bytes += len(data)
        begun = self._begun
        if begun is not None and not begun.called and self._has_begun(data):
            cast(IPushProducer, self._source).pauseProducing()
            begun.callback(None)

    def _has_begun(self, data: bytes) -> bool:
        if self._parser is None:
            return True
        self.first = next((each for each in self._parser.feed(data) if each is not None), None)
        if self.first is None and self._held_bytes > _MOST_HELD:
            self.first = b""
        return self.first is not None

    # For who takes the body.

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._consumer = consumer
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        self._flush()
        return done

    def _flush(self) -> None:
        if self._consumer is None or self._paused:
            return
        if self._held:
            held, self._held = self._held, []
            self._pass_on(b"".join(held))
        if self._is_over:
            self._settle()
        elif not self._paused:
            self._source.resumeProducing()

    def _pass_on(self, data: bytes) -> None:
        assert self._consumer is not None
        if self.seen is not None:
            self.seen(data)
        self._consumer.write(data)

    def _settle(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._tell_over()
            done.callback(self._outcome)

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._paused = True
        if not self._is_over:
            self._source.pauseProducing()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._paused = False
        self._flush()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._done = None
        self._held.clear()
        if not self._is_over:
            self._is_over = True
            self._source.stopProducing()
        self._tell_over()


class _Bounded(Collector):
    """
    Keeps so much and no more.

    @ivar exceeded: More has come.
    @ivar done: Fires at the body's end; cancelled when there is more.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.exceeded = False
        self.done: Deferred[None] | None = None
        self._room = most

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        if self.exceeded:
            return
        self._room -= len(data)
        if self._room >= 0:
            super().write(data)
            return
        self.exceeded = True
        self.parts.clear()
        if self.done is not None:
            self.done.cancel()


async def whole_body(body: IBodyProducer, most: int = MOST_WHOLE) -> bytes:
    """
    All of a body.

    @param most: The most bytes that it may have.
    @raise GatewayError: 502: it has more; the rest was not waited for.
    @raise Exception: Why it did not come whole. Cancelling it ends the body.
    """
    collected = _Bounded(most)
    done = collected.done = body.startProducing(collected)
    if collected.exceeded:
        done.cancel()
    try:
        await done
    except Exception:
        if not collected.exceeded:
            raise
    if collected.exceeded:
        raise GatewayError(
            502, f"The model's answer is larger than {most} bytes.", code="answer_too_large"
        )
    return b"".join(collected.parts)

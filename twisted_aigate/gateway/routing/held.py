"""A body whose first bytes are waited for, since until then another can take its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.kernel.collector import Collector

_ERROR_EVENT = (b'data: {"error"', b'data:{"error"')


class _Error(msgspec.Struct):
    message: str = "The provider refused the call."
    code: str | int | None = None


class _ErrorEvent(msgspec.Struct):
    error: _Error


_decoder = msgspec.json.Decoder(_ErrorEvent)


@implementer(IBodyProducer, IConsumer)
class HeldBody:
    """
    Holds a body's first bytes, then passes it on.

    @param source: The body.
    @ivar over: Called once, when it has ended or is wanted no more.
    """

    def __init__(self, source: IBodyProducer) -> None:
        self.length = source.length
        self.over: Callable[[], None] | None = None
        self._source = source
        self._held: list[bytes] = []
        self._consumer: IConsumer | None = None
        self._begun: Deferred[None] | None = None
        self._produced: Deferred[None] | None = None
        self._outcome: Failure | None = None
        self._is_over = False
        self._done: Deferred[None] | None = None

    async def begin(self) -> None:
        """
        Wait for the first bytes, or for the end of a body that has none.

        @raise Exception: Why none will come. Cancelling it ends the body.
        """
        begun: Deferred[None] = Deferred()
        self._begun = begun
        self._produced = self._source.startProducing(self)
        self._produced.addBoth(self._ended)
        try:
            await begun
        except CancelledError:
            self._source.stopProducing()
            raise
        finally:
            self._begun = None

    @property
    def first(self) -> bytes:
        """The bytes that are held."""
        return b"".join(self._held)

    def _ended(self, result: Failure | None) -> None:
        self._is_over = True
        self._outcome = result if isinstance(result, Failure) else None
        begun = self._begun
        if begun is not None and not begun.called:
            begun.callback(self._outcome)
        self._settle()

    def _settle(self) -> None:
        done = self._done
        if self._is_over and done is not None and not self._held:
            self._done = None
            self._tell_over()
            done.callback(self._outcome)

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
        if self._consumer is not None and not self._held:
            self._consumer.write(data)
            return
        self._held.append(data)
        begun = self._begun
        if begun is not None and not begun.called:
            cast(IPushProducer, self._source).pauseProducing()
            begun.callback(None)

    # For who takes the body.

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._consumer = consumer
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        held, self._held = self._held, []
        if held:
            consumer.write(b"".join(held))
        if self._is_over:
            self._settle()
        else:
            self.resumeProducing()
        return done

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        if not self._is_over:
            self._source.pauseProducing()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        if not self._is_over:
            self._source.resumeProducing()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._done = None
        if not self._is_over:
            self._source.stopProducing()
        self._tell_over()


async def whole_body(body: IBodyProducer) -> bytes:
    """
    All of a body.

    @raise Exception: Why it did not come whole. Cancelling it ends the body.
    """
    collected = Collector()
    await body.startProducing(collected)
    return b"".join(collected.parts)


def first_error(first: bytes) -> GatewayError | None:
    """
    The error that a stream begins with: some providers refuse a call after they have answered 200.

    @param first: The stream's first bytes.
    """
    if not first.startswith(_ERROR_EVENT):
        return None
    line = first.partition(b"\n")[0].removeprefix(b"data:")
    try:
        error = _decoder.decode(line).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    code = error.code if isinstance(error.code, str) else None
    status = error.code if isinstance(error.code, int) and 400 <= error.code < 600 else 502
    return GatewayError(status, error.message, code=code)

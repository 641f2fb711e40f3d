"""Push producers written as coroutines."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import RecordingConsumer
from twisted_aigate.kernel.producers import CoroutineProducer


class CoroutineProducerTests(SynchronousTestCase):
    """Pausing, ending, failing, stopping."""

    def setUp(self) -> None:
        self.consumer = RecordingConsumer()
        self.ended: list[str] = []
        self.gate: Deferred[None] | None = None
        self.error: Exception | None = None
        self.producer = CoroutineProducer(3, self.produce)

    async def produce(self, producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
        try:
            for piece in (b"a", b"b", b"c"):
                await producer.ready()
                write(piece)
                if self.gate is not None:
                    await self.gate
            if self.error is not None:
                raise self.error
        except CancelledError:
            self.ended.append("cancelled")
            raise
        finally:
            self.ended.append("ended")

    def test_all_at_once(self) -> None:
        """A consumer that takes all gets all."""
        self.successResultOf(self.producer.startProducing(self.consumer))
        self.assertEqual(
            (self.consumer.data, self.ended, self.producer.length), (b"abc", ["ended"], 3)
        )

    def test_paused(self) -> None:
        """It waits while it is paused, from the beginning too; pausing twice is pausing."""
        self.producer.pauseProducing()
        self.producer.pauseProducing()
        done = self.producer.startProducing(self.consumer)
        self.assertEqual(self.consumer.data, b"")
        self.producer.resumeProducing()
        self.producer.resumeProducing()
        self.successResultOf(done)
        self.assertEqual(self.consumer.data, b"abc")

    def test_paused_after_each_piece(self) -> None:
        """No piece more than the consumer wants."""
        self.consumer = RecordingConsumer(pause_after=1)
        self.consumer.registerProducer(self.producer, True)
        done = self.producer.startProducing(self.consumer)
        for number in (1, 2):
            self.assertEqual(len(self.consumer.parts), number)
            self.assertNoResult(done)
            self.producer.resumeProducing()
        self.successResultOf(done)

    def test_failure(self) -> None:
        """The coroutine's error is the Deferred's."""
        self.error = ZeroDivisionError()
        self.failureResultOf(self.producer.startProducing(self.consumer), ZeroDivisionError)

    def test_stopped_while_paused(self) -> None:
        """The coroutine is cancelled; the Deferred does not fire, as its interface has it."""
        self.producer.pauseProducing()
        done = self.producer.startProducing(self.consumer)
        self.producer.stopProducing()
        self.assertEqual(self.ended, ["cancelled", "ended"])
        self.producer.resumeProducing()
        self.producer.stopProducing()
        self.assertNoResult(done)
        self.assertEqual(self.consumer.data, b"")

    def test_stopped_while_it_waits(self) -> None:
        """What it waits for is cancelled."""
        self.gate = Deferred(lambda _: self.ended.append("gate"))
        self.producer.startProducing(self.consumer)
        self.producer.stopProducing()
        self.assertEqual((self.consumer.data, self.ended), (b"a", ["gate", "cancelled", "ended"]))

    def test_stopped_after_the_end(self) -> None:
        """Then there is nothing to stop."""
        done = self.producer.startProducing(self.consumer)
        self.producer.stopProducing()
        self.successResultOf(done)
        self.assertEqual(self.ended, ["ended"])

    def test_cancelled(self) -> None:
        """Cancelling the Deferred stops the producer."""
        self.gate = Deferred()
        done = self.producer.startProducing(self.consumer)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.ended, ["cancelled", "ended"])

    def test_stopped_by_the_first_piece(self) -> None:
        """A consumer may end it from within C{write}, before C{startProducing} has returned."""
        self.gate = Deferred()
        self.consumer.write = lambda data: self.producer.stopProducing()  # type: ignore[method-assign]
        done = self.producer.startProducing(self.consumer)
        self.assertNoResult(done)
        self.assertEqual(self.ended, ["cancelled", "ended"])

    def test_stopped_before_the_start(self) -> None:
        """Then nothing is produced."""
        self.producer.stopProducing()
        self.producer.startProducing(self.consumer)
        self.assertEqual(self.consumer.data, b"")

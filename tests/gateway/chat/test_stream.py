"""A streamed answer on its way."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.gateway.messages.examples import asked, chunk, events_of, stream
from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.gateway.chat.stream import AnswerStream
from twisted_aigate.gateway.messages.events import Translation


class AnswerStreamTests(SynchronousTestCase):
    """Backpressure and ends."""

    def setUp(self) -> None:
        self.source = HandFed()
        self.stream = AnswerStream(self.source, Translation(asked()))
        self.consumer = RecordingConsumer()

    def test_as_it_comes(self) -> None:
        """What comes goes out at once, translated, and nothing is written for nothing."""
        done = self.stream.startProducing(self.consumer)
        self.assertIs(self.stream.length, UNKNOWN_LENGTH)
        data = stream(chunk({"content": "x"}), done=False)
        self.source.feed(data[:20])
        self.assertEqual(self.consumer.parts, [])
        self.source.feed(data[20:])
        self.assertEqual(len(self.consumer.parts), 1)
        self.source.feed(stream(chunk({}, "stop"), done=False))
        self.assertNoResult(done)
        self.source.done.callback(None)
        self.successResultOf(done)
        self.assertEqual(events_of(self.consumer.data)[-1]["type"], "message_stop")

    def test_backpressure(self) -> None:
        """Who takes the message decides about the source."""
        self.stream.startProducing(self.consumer)
        self.stream.pauseProducing()
        self.stream.resumeProducing()
        self.stream.stopProducing()
        self.assertEqual(self.source.calls, ["start", "pause", "resume", "stop"])

    def test_cancelled(self) -> None:
        """A caller who leaves cancels the source; nothing is written behind them."""
        done = self.stream.startProducing(self.consumer)
        self.source.feed(stream(chunk({"content": "x"}), done=False))
        written = list(self.consumer.parts)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.consumer.parts, written)

"""Forms as requests' bodies."""

from __future__ import annotations

import io
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.gateway.calls import Upload
from twisted_aigate.gateway.providers.form import FormBody

_DATA = bytes(range(256)) * 1000


class FormBodyTests(SynchronousTestCase):
    """A form that is sent."""

    def test_two_at_once(self) -> None:
        """Two of one file, read in turns, are both whole: a failed one may not be done reading."""
        file = io.BytesIO(_DATA)
        upload = Upload("file", file, "a.wav", "audio/wav", len(_DATA))
        threads: Any = HeldThreads(held=True)
        bodies = [FormBody([("a", "b")], [upload], threads) for _ in range(2)]
        consumers = [RecordingConsumer() for _ in bodies]
        sent = [
            body.startProducing(consumer) for body, consumer in zip(bodies, consumers, strict=True)
        ]
        self.assertEqual(len(threads), 2)
        threads.work_off()
        for body, consumer, done in zip(bodies, consumers, sent, strict=True):
            self.successResultOf(done)
            self.assertEqual(len(consumer.data), body.length)
            self.assertEqual(consumer.data.count(_DATA), 1)

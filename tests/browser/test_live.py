"""A desktop that is watched."""

from __future__ import annotations

from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.browser.fakes import FakeLauncher
from twisted_aigate.browser.errors import BrowserDied, BrowserError
from twisted_aigate.browser.live import BOUNDARY, MOST_VIEWERS, Live, View
from twisted_aigate.browser.pool import Pool

VIEW = View(width=100, rate=4)


class Consumer:
    """Takes what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    @property
    def pictures(self) -> list[bytes]:
        """The pictures that have come, each whole."""
        parts = self.data.split(b"--" + BOUNDARY)[1:-1]
        return [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]


class LiveTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.launcher = FakeLauncher()
        self.pool = Pool(self.clock, self.launcher, 1, 0)
        self.threads = mock.Mock()
        self.asked: list[Deferred[bytes]] = []
        self.threads.run.side_effect = self.ask
        self.live = Live(self.clock, self.pool, self.threads)
        self.replica = self.pool.replicas["browser1"]

    def ask(self, *_: Any) -> Deferred[bytes]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def run_it(self) -> Any:
        self.replica.want()
        return self.launcher.succeed()

    def refused(self, name: str) -> int:
        return int(self.assertRaises(BrowserError, self.live.watch, name, VIEW).status)

    def watch(self) -> tuple[Any, Consumer]:
        producer: Any = self.live.watch("browser1", VIEW)
        consumer = Consumer()
        producer.startProducing(consumer)
        return producer, consumer

    def test_pictures_come_at_most_so_often(self) -> None:
        self.run_it()
        producer, consumer = self.watch()
        for number in range(3):
            self.assertEqual(len(self.asked), number + 1)
            self.asked[-1].callback(b"picture %d" % number)
            self.clock.advance(0.2)
            self.assertEqual(len(self.asked), number + 1)
            self.clock.advance(0.05)
        self.assertEqual(consumer.pictures, [b"picture 0", b"picture 1", b"picture 2"])
        producer.stopProducing()

    def test_the_same_picture_comes_once_in_a_while(self) -> None:
        self.run_it()
        producer, consumer = self.watch()
        for _ in range(22):
            self.asked[-1].callback(b"picture")
            self.clock.advance(0.25)
        self.assertEqual(len(consumer.pictures), 2)
        producer.stopProducing()

    def test_none_is_made_for_a_client_that_reads_slowly(self) -> None:
        self.run_it()
        producer, _ = self.watch()
        producer.pauseProducing()
        self.asked[-1].callback(b"one")
        self.clock.advance(10)
        self.assertEqual(len(self.asked), 1)
        producer.resumeProducing()
        self.assertEqual(len(self.asked), 2)
        producer.stopProducing()

    def test_it_goes_on_when_the_browser_is_started_anew(self) -> None:
        session = self.run_it()
        producer, consumer = self.watch()
        session.broken.open("signal 9")
        self.asked[-1].errback(BrowserDied("signal 9"))
        session.ending.callback(None)
        self.clock.advance(0.25)
        self.assertEqual(len(self.asked), 1)
        self.launcher.succeed()
        self.clock.advance(0.25)
        self.asked[-1].callback(b"picture")
        self.assertEqual(consumer.pictures, [b"picture"])
        producer.stopProducing()

    def test_who_leaves_leaves_nothing(self) -> None:
        self.run_it()
        producer, _ = self.watch()
        self.asked[-1].callback(b"picture")
        producer.stopProducing()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_cannot_be_watched(self) -> None:
        self.assertEqual(self.refused("browser7"), 404)
        self.assertEqual(self.refused("browser1"), 409)
        self.run_it().display = None
        self.assertEqual(self.refused("browser1"), 409)

    def test_so_many_may_watch(self) -> None:
        self.run_it()
        viewers = [self.watch()[0] for _ in range(MOST_VIEWERS)]
        self.assertEqual(self.refused("browser1"), 503)
        viewers.pop().stopProducing()
        viewers.append(self.watch()[0])
        for producer in viewers:
            producer.stopProducing()

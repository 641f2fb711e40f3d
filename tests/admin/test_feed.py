"""What open pages are told."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from tests.support.websockets import FakeSocket
from twisted_aigate.admin.feed import Feed, Service
from twisted_aigate.admin.figures import SECONDS, Figures
from twisted_aigate.kernel.log_ring import LogRing
from twisted_aigate.kernel.websocket import Message


class FeedTests(SynchronousTestCase):
    """Once a second, and no more than is new."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(10_000)
        self.figures = Figures(self.clock)
        self.ring = LogRing(100, ())
        self.log = Logger(namespace="test", observer=self.ring)
        self.models: list[dict[str, object]] = [{"id": "a", "in_flight": 0}]
        self.feed = Feed(
            self.clock,
            self.figures,
            self.ring,
            {"models": lambda: self.models, "runs": list},
            "1.2.3",
        )
        self.feed.services = [Service("/storage/", None), Service("/claudebox/", "no token")]

    def watch(self) -> FakeSocket:
        socket = FakeSocket()
        self.feed.watch(socket)
        return socket

    def told(self, socket: FakeSocket) -> list[Any]:
        messages = [msgspec.json.decode(message.data) for message in socket.sent]
        socket.sent.clear()
        return messages

    def test_a_page_that_opens_is_told_all(self) -> None:
        (first,) = self.told(self.watch())
        self.assertEqual(first["version"], "1.2.3")
        self.assertEqual(len(first["rows"]), SECONDS)
        self.assertEqual(first["states"], {"models": self.models, "runs": []})
        self.assertEqual(first["services"][1], {"name": "/claudebox/", "reason": "no token"})

    def test_then_each_second_and_what_has_changed(self) -> None:
        socket = self.watch()
        self.told(socket)
        self.figures.answered(200, 0.01)
        self.clock.advance(1)
        (told,) = self.told(socket)
        self.assertEqual([row[1] for row in told["rows"]], [1])
        self.assertEqual(told["states"], {})
        self.models = [{"id": "a", "in_flight": 1}]
        self.clock.advance(1)
        (told,) = self.told(socket)
        self.assertEqual(told["states"], {"models": self.models})

    def test_who_follows_the_log_is_told_what_comes_from_then_on(self) -> None:
        socket, other = self.watch(), self.watch()
        self.log.info("before")
        socket.heard(Message(b'{"logs": true}'))
        self.log.info("after")
        self.told(socket)
        self.clock.advance(1)
        self.assertEqual([event["message"] for event in self.told(socket)[0]["events"]], ["after"])
        self.assertNotIn("events", self.told(other)[-1])
        socket.heard(Message(b'{"logs": false}'))
        self.log.info("later")
        self.clock.advance(1)
        self.assertNotIn("events", self.told(socket)[0])

    def test_who_reads_slowly_misses_seconds_and_catches_up(self) -> None:
        socket = self.watch()
        self.told(socket)
        assert socket.producer is not None
        socket.producer.pauseProducing()
        self.models = []
        self.clock.pump([1, 1, 1])
        self.assertEqual(self.told(socket), [])
        socket.producer.resumeProducing()
        self.clock.advance(1)
        (told,) = self.told(socket)
        self.assertEqual(len(told["rows"]), 4)
        self.assertEqual(told["states"]["models"], [])
        self.clock.advance(1)
        self.assertEqual(len(self.told(socket)[0]["rows"]), 1)

    def test_what_is_not_understood_ends_it(self) -> None:
        for said in (b"{}", b"[", b'{"logs": 1}', b'{"logs": true, "more": 1}'):
            socket = self.watch()
            socket.heard(Message(said))
            self.assertEqual([code for code, _ in socket.closes], [1008])

    def test_nothing_is_timed_when_nobody_watches(self) -> None:
        socket, other = self.watch(), self.watch()
        socket.hung_up(1000, "")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        other.hung_up(1001, "")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.watch()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_a_state_that_cannot_be_had_stops_nothing(self) -> None:
        socket = self.watch()
        self.told(socket)
        self.models = [{"id": object()}]
        self.clock.advance(1)
        self.assertEqual(self.told(socket), [])
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.models = []
        self.clock.advance(1)
        self.assertEqual(len(self.told(socket)), 1)

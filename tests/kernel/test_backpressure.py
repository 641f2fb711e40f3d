"""A transport's producer that stands for changing ones."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import HandFed
from twisted_aigate.kernel.backpressure import Backpressure


class BackpressureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reliefs = 0
        self.backpressure = Backpressure(self.relieved)

    def relieved(self) -> None:
        self.reliefs += 1

    def test_the_producer_of_the_moment_is_paused_and_resumed(self) -> None:
        producer = HandFed()
        self.backpressure.bind(producer)
        self.backpressure.pauseProducing()
        self.assertEqual(producer.calls, ["pause"])
        self.assertTrue(self.backpressure.full)
        self.backpressure.resumeProducing()
        self.assertEqual(producer.calls, ["pause", "resume"])
        self.assertFalse(self.backpressure.full)

    def test_a_producer_that_comes_to_a_full_transport_is_paused(self) -> None:
        self.backpressure.pauseProducing()
        producer = HandFed()
        self.backpressure.bind(producer)
        self.assertEqual(producer.calls, ["pause"])

    def test_a_producer_that_is_released_is_left_alone(self) -> None:
        producer = HandFed()
        self.backpressure.bind(producer)
        self.backpressure.release()
        self.backpressure.pauseProducing()
        self.assertEqual(producer.calls, [])

    def test_relief_is_told_without_a_producer_too(self) -> None:
        self.backpressure.pauseProducing()
        self.assertEqual(self.reliefs, 0)
        self.backpressure.resumeProducing()
        self.assertEqual(self.reliefs, 1)

"""Bytes that a thread works on: order, backpressure, failure, stopping."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import HandFed
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.offload import HIGH_WATER, Offload


class Case:
    """An offload whose threads the test holds."""

    def __init__(self) -> None:
        self.threads: Any = HeldThreads(held=True)
        self.taken: list[bytes] = []
        self.fail: Exception | None = None
        self.offload = Offload(self.threads, self.work)
        self.source = HandFed()
        self.offload.registerProducer(self.source, True)
        self.source.startProducing(self.offload)

    def work(self, data: bytes) -> None:
        if self.fail is not None:
            raise self.fail
        self.taken.append(data)

    def finish(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.offload.finish())


class OffloadTests(SynchronousTestCase):
    """One piece after the other."""

    def setUp(self) -> None:
        self.case = Case()
        self.source, self.threads = self.case.source, self.case.threads

    def test_gathers_while_a_thread_works(self) -> None:
        """What comes meanwhile is one further hand-over."""
        for data in (b"one", b"two", b"three"):
            self.source.feed(data)
        self.assertEqual(len(self.threads), 1)
        self.threads.work()
        self.assertEqual((self.case.taken, len(self.threads)), ([b"one"], 1))
        self.threads.work()
        self.assertEqual((self.case.taken, len(self.threads)), ([b"one", b"twothree"], 0))

    def test_backpressure(self) -> None:
        """Beyond the mark the producer is paused, once; it goes on when there is room."""
        self.source.feed(b"x")
        self.source.feed(b"y" * HIGH_WATER)
        self.assertEqual(self.source.calls, ["start"])
        self.source.feed(b"y")
        self.source.feed(b"z")
        self.assertEqual(self.source.calls, ["start", "pause"])
        self.threads.work()
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])
        self.threads.work_off()
        self.assertEqual(b"".join(self.case.taken), b"x" + b"y" * (HIGH_WATER + 1) + b"z")

    def test_finish_waits(self) -> None:
        """It is done when the last byte is."""
        self.source.feed(b"one")
        self.source.feed(b"two")
        finished = self.case.finish()
        self.threads.work()
        self.assertNoResult(finished)
        self.threads.work()
        self.successResultOf(finished)
        self.successResultOf(self.case.finish())

    def test_nothing_at_all(self) -> None:
        """No byte, no thread."""
        self.successResultOf(self.case.finish())
        self.successResultOf(self.case.offload.settled())
        self.assertEqual(len(self.threads), 0)

    def test_failure(self) -> None:
        """What waits and what comes is dropped; a paused producer may run dry."""
        self.source.feed(b"one")
        self.source.feed(b"x" * (HIGH_WATER + 1))
        self.case.fail = OSError("the disk is full")
        finished, settled = self.case.finish(), self.case.offload.settled()
        self.threads.work()
        self.failureResultOf(finished, OSError)
        self.successResultOf(settled)
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])
        self.case.fail = None
        self.source.feed(b"more")
        self.assertEqual((len(self.threads), self.case.taken), (0, []))
        self.failureResultOf(self.case.finish(), OSError)

    def test_stop_while_a_thread_works(self) -> None:
        """What the thread has is worked on, nothing else; settled says when."""
        self.source.feed(b"one")
        self.source.feed(b"two")
        self.case.offload.stop()
        settled = self.case.offload.settled()
        self.source.feed(b"three")
        self.assertNoResult(settled)
        self.threads.work()
        self.successResultOf(settled)
        self.assertEqual((self.case.taken, len(self.threads)), ([b"one"], 0))
        self.failureResultOf(self.case.finish(), RuntimeError)

    def test_first_failure_counts(self) -> None:
        """Stopping after a failure does not change it, nor the other way round."""
        self.source.feed(b"one")
        self.case.fail = OSError("first")
        self.threads.work()
        self.case.offload.stop()
        self.failureResultOf(self.case.finish(), OSError)

    def test_producer_that_is_gone(self) -> None:
        """After it is unregistered nobody is paused or resumed."""
        self.source.feed(b"one")
        self.source.feed(b"x" * (HIGH_WATER + 1))
        self.case.offload.unregisterProducer()
        self.source.feed(b"x")
        self.threads.work_off()
        self.assertEqual(self.source.calls, ["start", "pause"])

    @settings(max_examples=50, deadline=None, database=None)
    @given(st.lists(st.one_of(st.binary(min_size=1, max_size=9), st.none()), max_size=30))
    def test_any_order_of_events(self, events: list[bytes | None]) -> None:
        """Whatever comes when (C{None}: a thread gets on), it is worked on whole and in order."""
        case = Case()
        for event in events:
            if event is not None:
                case.source.feed(event)
            elif len(case.threads):
                case.threads.work()
        finished = case.finish()
        case.threads.work_off()
        self.successResultOf(finished)
        self.assertEqual(b"".join(case.taken), b"".join(each for each in events if each))

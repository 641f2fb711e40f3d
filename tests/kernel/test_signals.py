"""What SIGTERM, SIGINT and SIGHUP do."""

from __future__ import annotations

import signal
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_aigate.kernel.signals import SignalHandlers

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@implementer(IReactorFromThreads)
class Reactor:
    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def callFromThread(self, call: Callable[[], object]) -> None:
        self.calls.append(call)


class SignalTests(SynchronousTestCase):
    def setUp(self) -> None:
        for number in NUMBERS:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reactor = Reactor()
        self.done: list[str] = []
        SignalHandlers(
            self.reactor,
            lambda: self.done.append("stop"),
            lambda: self.done.append("now"),
            lambda: self.done.append("reload"),
        ).install()

    def send(self, *numbers: signal.Signals) -> list[str]:
        for number in numbers:
            signal.raise_signal(number)
        self.assertEqual(self.done, [], "it was not left to the reactor")
        for call in self.reactor.calls:
            call()
        return self.done

    def test_the_first_stops_and_each_further_one_stops_at_once(self) -> None:
        self.assertEqual(self.send(*[signal.SIGTERM] * 3), ["stop", "now", "now"])

    def test_ctrl_c_is_the_same(self) -> None:
        self.assertEqual(self.send(signal.SIGINT, signal.SIGTERM), ["stop", "now"])

    def test_hangup_reads_the_configuration_again_each_time(self) -> None:
        self.assertEqual(self.send(*[signal.SIGHUP] * 2), ["reload", "reload"])

"""cloudflared ends, and is started anew: on a clock, with processes that a test plays."""

from __future__ import annotations

import signal
from random import Random
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import record_log, text_of
from tests.support.processes import FakeProcess, FakeProcessReactor
from twisted_aigate.interfaces import TunnelStatus
from twisted_aigate.tunnel.supervisor import Supervisor

_URL = b"INF |  https://two-words.trycloudflare.com  |\n"
_UP = b"2026-11-27T10:00:00Z INF Registered tunnel connection connIndex=0\n"


class _Reactor(FakeProcessReactor, Clock):
    def __init__(self) -> None:
        FakeProcessReactor.__init__(self)
        Clock.__init__(self)
        self.broken = False

    def spawnProcess(self, *arguments: Any, **more: Any) -> FakeProcess:
        if self.broken:
            raise OSError("no memory")
        return super().spawnProcess(*arguments, **more)


class _NoJitter(Random):
    def random(self) -> float:
        return 0.0


class SupervisorCase(SynchronousTestCase):
    is_quick = True

    def setUp(self) -> None:
        self.reactor = _Reactor()
        self.log = record_log(self)
        urls = () if self.is_quick else ("https://aigate.example.com",)
        command = ["/bin/cloudflared", "tunnel"]
        self.tunnel = Supervisor(
            self.reactor, command, {"A": "1"}, _NoJitter(), urls, is_quick=self.is_quick
        )

    @property
    def process(self) -> FakeProcess:
        """The newest."""
        return self.reactor.processes[-1]

    def start(self) -> None:
        self.tunnel.events.start()

    def crash(self) -> None:
        self.process.end(1)

    def count(self) -> int:
        return len(self.reactor.processes)

    def stopped(self) -> bool:
        over = self.tunnel.over.wait()
        return bool(over.called)


class StartTests(SupervisorCase):
    def test_nothing_runs_before(self) -> None:
        self.assertEqual(self.count(), 0)
        self.assertEqual(self.tunnel.status(), TunnelStatus("off"))

    def test_the_program_is_run(self) -> None:
        self.start()
        self.assertEqual(self.process.arguments[-2:], ["/bin/cloudflared", "tunnel"])
        self.assertEqual(self.tunnel.status().state, "starting")

    def test_its_url_is_told_and_kept(self) -> None:
        self.start()
        self.process.say(_URL[:20])
        self.assertEqual(self.tunnel.status().urls, ())
        self.process.say(_URL[20:] + _URL)
        self.assertEqual(self.tunnel.status().urls, ("https://two-words.trycloudflare.com",))
        told = "the internet reaches this server at https://two-words.trycloudflare.com"
        self.assertEqual(text_of(self.log).count(told), 1)

    def test_it_is_up_once_it_has_a_connection(self) -> None:
        self.start()
        self.process.say(_UP + _UP)
        self.assertEqual(self.tunnel.status().state, "up")


class NamedTests(SupervisorCase):
    is_quick = False

    def test_its_urls_are_known_and_stay(self) -> None:
        self.start()
        self.process.say(_URL)
        self.crash()
        self.assertEqual(self.tunnel.status().urls, ("https://aigate.example.com",))


class CrashTests(SupervisorCase):
    def wait(self, seconds: float) -> None:
        """It is started anew after so many seconds, and not before."""
        count = self.count()
        self.reactor.advance(seconds - 0.01)
        self.assertEqual(self.count(), count)
        self.reactor.advance(0.01)
        self.assertEqual(self.count(), count + 1)

    def test_it_is_started_anew_ever_later(self) -> None:
        self.start()
        for seconds in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
            self.crash()
            self.wait(seconds)

    def test_one_that_was_up_for_a_while_is_soon_back(self) -> None:
        self.start()
        for seconds in (1, 2, 4):
            self.crash()
            self.wait(seconds)
        self.process.say(_UP)
        self.reactor.advance(59)
        self.crash()
        self.wait(8)
        self.process.say(_UP)
        self.reactor.advance(60)
        self.crash()
        self.wait(1)

    def test_why_is_told(self) -> None:
        self.start()
        self.process.say(_URL + _UP)
        self.process._protocol.childDataReceived(2, b"x\nERR no network\n")
        self.crash()
        why = "exit 1: ERR no network"
        self.assertEqual(self.tunnel.status(), TunnelStatus("waiting", (), why))
        self.assertIn(
            f"cloudflared has ended ({why}); it is started anew in 1.0 s", text_of(self.log)
        )
        self.reactor.advance(1)
        self.process.say(_UP)
        self.assertEqual(self.tunnel.status(), TunnelStatus("up"))

    def test_one_that_cannot_be_started_is_tried_again(self) -> None:
        self.reactor.broken = True
        self.start()
        self.assertIn("no memory", self.tunnel.status().reason or "")
        self.reactor.broken = False
        self.wait(1)
        self.assertEqual(self.tunnel.status().state, "starting")


class StopTests(SupervisorCase):
    def test_before_it_began(self) -> None:
        self.tunnel.events.stop()
        self.assertTrue(self.stopped())

    def test_the_process_is_ended_and_waited_for(self) -> None:
        for up in (b"", _UP):
            self.setUp()
            self.start()
            self.process.say(up or _URL)
            self.tunnel.events.stop()
            self.tunnel.events.stop()
            self.process.say(_UP)
            self.assertEqual(self.process.signals, [signal.SIGTERM])
            self.assertFalse(self.stopped())
            self.process.end(0)
            self.assertTrue(self.stopped())
            self.assertEqual(self.tunnel.status().state, "stopped")
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_one_that_waits_is_not_started_anew(self) -> None:
        self.start()
        self.crash()
        self.tunnel.events.stop()
        self.assertTrue(self.stopped())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.count(), 1)

"""A process that is watched without being our child."""

from __future__ import annotations

import subprocess

from twisted.trial.unittest import TestCase

from tests.support.reactor import open_descriptors, turn
from twisted_aigate.kernel.adopted import AdoptedProcess
from twisted_aigate.kernel.process_table import ProcessIdentity, identify


class AdoptedProcessTests(TestCase):
    timeout = 20

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        from twisted.internet import reactor

        await turn(reactor)
        self.reactor = reactor
        self.process = subprocess.Popen(["sleep", "1000"])
        identity = identify(self.process.pid)
        assert identity is not None
        self.identity: ProcessIdentity = identity
        self.descriptors = open_descriptors()

    def tearDown(self) -> None:
        self.process.kill()
        self.process.wait()
        self.assertEqual(open_descriptors(), self.descriptors)
        readers = [each for each in self.reactor.getReaders() if isinstance(each, AdoptedProcess)]
        self.assertEqual(readers, [])

    async def test_it_is_known_when_it_ends(self) -> None:
        adopted = AdoptedProcess(self.reactor, self.identity)
        self.assertFalse(adopted.ended.called)
        self.process.kill()
        self.assertEqual(await adopted.ended, "ended")
        self.assertIsNone(adopted.exit_code)

    async def test_several_watch_one(self) -> None:
        adopted = [AdoptedProcess(self.reactor, self.identity) for _ in range(2)]
        self.process.kill()
        for each in adopted:
            await each.ended

    def test_let_go(self) -> None:
        adopted = AdoptedProcess(self.reactor, self.identity)
        adopted.let_go()
        adopted.let_go()
        self.assertIsNone(self.process.poll())
        self.assertFalse(adopted.ended.called)

    def test_the_reactor_stops(self) -> None:
        adopted = AdoptedProcess(self.reactor, self.identity)
        adopted.connectionLost(None)
        self.assertFalse(adopted.ended.called)

    def test_it_has_ended_already(self) -> None:
        self.process.kill()
        self.process.wait()
        self.assertRaises(ProcessLookupError, AdoptedProcess, self.reactor, self.identity)

    def test_another_has_its_id(self) -> None:
        other = ProcessIdentity(self.identity.pid, self.identity.started - 1, self.identity.boot)
        self.assertRaises(ProcessLookupError, AdoptedProcess, self.reactor, other)
        self.assertIsNone(self.process.poll())

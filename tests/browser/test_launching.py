"""Starting a browser, with processes that the test plays."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.processes import FakeProcess, FakeProcessReactor
from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.browser.launching import LocalLauncher
from twisted_aigate.browser.programs import Programs


class FakeReactor(MemoryReactorClock):  # type: ignore[misc]
    """Starts processes that the test plays, listens in memory, keeps time."""

    def __init__(self) -> None:
        super().__init__()
        self.children = FakeProcessReactor()
        self.from_threads: SimpleQueue[Any] = SimpleQueue()

    def spawnProcess(self, *arguments: Any, **more: Any) -> FakeProcess:
        return self.children.spawnProcess(*arguments, **more)

    def callFromThread(self, work: Any, *arguments: Any) -> None:
        self.from_threads.put(lambda: work(*arguments))


class AtOnce:
    """Threads that do at once what they are asked to."""

    def run(self, work: Any, *arguments: Any) -> Deferred[Any]:
        return succeed(work(*arguments))


class LaunchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        programs = Programs("chromium", "chromedriver", "Xvfb")
        threads: Any = AtOnce()
        self.folder = Path(self.mktemp())
        self.launcher = LocalLauncher(
            self.reactor,
            programs,
            self.folder,
            {"PATH": "/bin"},
            threads,
            lambda host, port: succeed([]),
            lambda address: True,
            False,
            Random(1),
        )
        self.launching = Deferred.fromCoroutine(self.launcher.launch("browser1"))

    @property
    def processes(self) -> list[FakeProcess]:
        return self.reactor.children.processes

    def names(self) -> list[str]:
        return [process.arguments[1] for process in self.processes]

    def display(self) -> None:
        self.processes[0]._protocol.childDataReceived(3, b"7\n")

    def settle(self) -> None:
        """Have the browser's thread be heard out, as it is before all is over."""
        while not self.launching.called or self.launching.paused:
            self.reactor.from_threads.get(timeout=10)()

    def died(self) -> str:
        self.settle()
        return str(self.failureResultOf(self.launching, BrowserDied).value)

    def give_up(self) -> None:
        """End what goes on when a test has seen enough."""
        self.launching.cancel()
        for process in (self.processes[0], self.processes[-1]):
            process.end(0, 15)
        self.settle()
        self.failureResultOf(self.launching, CancelledError)

    def test_the_display_comes_first(self) -> None:
        self.assertEqual(self.names(), ["Xvfb"])
        self.display()
        self.assertEqual(self.names(), ["Xvfb", "chromedriver"])
        self.assertTrue((self.folder / "browser1/profile").is_dir())
        self.give_up()

    def test_without_a_display_nothing_is_left(self) -> None:
        self.processes[0].end(1)
        self.assertIn("Xvfb does not start", self.died())

    def test_a_driver_whose_port_was_taken_is_started_again(self) -> None:
        self.display()
        for _ in range(2):
            self.processes[-1].end(1)
        self.assertEqual(self.names(), ["Xvfb", *["chromedriver"] * 3])
        self.assertNoResult(self.launching)
        self.give_up()

    def test_but_not_for_ever(self) -> None:
        self.display()
        for _ in range(3):
            self.processes[-1].end(1)
        self.processes[0].end(0)
        self.assertIn("ChromeDriver does not start", self.died())
        self.assertEqual(len(self.processes), 4)

    def test_one_that_says_nothing_is_given_up(self) -> None:
        self.reactor.advance(20)
        self.processes[0].end(0, 15)
        self.assertIn("not ready", self.died())

    def test_a_launch_that_is_given_up_ends_what_it_has_started(self) -> None:
        self.launching.cancel()
        self.assertTrue(self.processes[0].signals)
        self.processes[0].end(0, 15)
        self.settle()
        self.failureResultOf(self.launching, CancelledError)

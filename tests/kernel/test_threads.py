"""The pool of threads, with real threads."""

from __future__ import annotations

import threading

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from twisted_aigate.kernel.threads import Threads


class ThreadsTests(TestCase):
    def setUp(self) -> None:
        from twisted.internet import reactor

        self.threads = Threads(reactor, 2, "test")
        self.stopped = False

    def tearDown(self) -> None:
        if not self.stopped:
            self.threads.stop()

    async def test_work_runs_in_another_thread_and_its_result_comes_back(self) -> None:
        def work(a: int, *, b: int) -> tuple[int, int]:
            return a + b, threading.get_ident()

        total, thread = await self.threads.run(work, 1, b=2)
        self.assertEqual(total, 3)
        self.assertNotEqual(thread, threading.get_ident())

    async def test_what_work_raises_comes_back(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            await self.threads.run(lambda: 1 / 0)

    async def test_no_more_run_at_once_than_may(self) -> None:
        both = threading.Barrier(2)
        lock = threading.Lock()
        running: list[int] = [0]
        most: list[int] = [0]

        def work() -> None:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            both.wait(10)
            with lock:
                running[0] -= 1

        await gatherResults([self.threads.run(work) for _ in range(8)])
        self.assertEqual(most[0], 2)

    def test_stopping_waits_for_the_work(self) -> Deferred[None]:
        begun, go = threading.Event(), threading.Event()
        done: list[str] = []

        def work() -> None:
            begun.set()
            go.wait(10)
            done.append("work")

        result = self.threads.run(work)
        begun.wait(10)
        go.set()
        self.threads.stop()
        self.stopped = True
        self.assertEqual(done, ["work"])
        return result

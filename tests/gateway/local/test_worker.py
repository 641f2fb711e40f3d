"""The worker process itself, around whatever engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.local.engine_case import CAPITAL, EngineTestCase, gone
from tests.gateway.local.workers import PATIENCE, ROOT, WorkerProcess
from tests.support.waiting import eventually
from twisted_aigate.gateway.local.engines import native_threads
from twisted_aigate.gateway.local.protocol import Done


class ThreadsTests(SynchronousTestCase):
    """How many threads a model computes on."""

    def test_one_where_there_is_one_processor_for_it(self) -> None:
        processors = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, processors)
        os.sched_setaffinity(0, {min(processors)})
        self.assertEqual(native_threads(), 1)


class WorkerTests(EngineTestCase):
    """The process itself; the lightest engine will do."""

    engines = ("embeddings",)

    def test_faults(self) -> None:
        """A wrong task, a body that is no JSON: each fails its job and not the worker."""
        worker = self.workers["embeddings"]
        self.refused(worker.run("chat", messages=CAPITAL).failure, None)
        self.assertEqual(
            worker.run("embedding", input="hello").end.id, worker.start("embedding") - 1
        )
        self.refused(worker.collect(worker._next_id)[worker._next_id].failure, "input")

    def test_end_of_input(self) -> None:
        """When the gateway closes the pipe, the worker ends, even amid a job."""
        worker = WorkerProcess("embeddings")
        worker.start("embedding", input=["some text " * 50] * 400)
        self.assertEqual(worker.close(), 0)

    def test_garbage(self) -> None:
        """Bytes that are no frame end the worker with a status of its own."""
        worker = WorkerProcess("embeddings")
        assert worker.process.stdin is not None
        worker.process.stdin.write(b"\xff" * 64)
        worker.process.stdin.flush()
        self.assertEqual(worker.process.wait(PATIENCE), 3)
        worker.close()

    def test_interrupt_is_the_gateways(self) -> None:
        """Ctrl-C reaches the whole group; the worker leaves it to the gateway."""
        worker = self.workers["embeddings"]
        worker.process.send_signal(signal.SIGINT)
        self.assertIsInstance(worker.run("embedding", input="hello").end, Done)

    def test_dies_with_its_parent(self) -> None:
        """A worker does not outlive a gateway that was killed, though others hold its pipes."""
        code = (
            "import subprocess, sys, time\n"
            "module = 'twisted_aigate.gateway.local.worker'\n"
            "command = [sys.executable, '-m', module, 'embeddings']\n"
            "child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            "child.stdout.read(4)\n"  # it is ready
            "print(child.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
        parent.wait(PATIENCE)
        parent.stdout.close()
        eventually(lambda: gone(worker), "it lives on without its parent", 10)

    def test_unknown_engine(self) -> None:
        """A wrong name is said so, with the right ones."""
        done = subprocess.run(
            [sys.executable, "-m", "twisted_aigate.gateway.local.worker", "nothing"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 2)
        self.assertIn("embeddings", done.stderr)

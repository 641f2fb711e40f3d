"""An embedded model's queue and its worker's life, with a worker that the test plays."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.processes import FakeProcess, FakeProcessReactor
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.local import protocol
from twisted_aigate.gateway.local.job import RunningJob
from twisted_aigate.gateway.local.model import LocalModel
from twisted_aigate.gateway.local.process import CANCEL_TIMEOUT, LOAD_TIMEOUT
from twisted_aigate.gateway.local.table import LOCAL_MODELS
from twisted_aigate.kernel.processes import TERMINATE_GRACE

_IDLE = 60.0
_ENTRY = next(entry for entry in LOCAL_MODELS if entry.slots == 2)
_Submitted = Deferred[tuple[RunningJob, str]]


class LocalModelTests(SynchronousTestCase):
    """A model with two slots and room for one that waits."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.reactor: Any = FakeProcessReactor()
        self.model = LocalModel(self.reactor, self.clock, _ENTRY, {"PATH": "/bin"}, 1, _IDLE)

    def submit(self) -> _Submitted:
        """Ask for a job."""
        return Deferred.fromCoroutine(self.model.submit("chat", b"{}"))

    @property
    def process(self) -> FakeProcess:
        """The newest worker."""
        process: FakeProcess = self.reactor.processes[-1]
        return process

    def jobs(self) -> list[int]:
        """The ids of the jobs that the newest worker was given."""
        return [f.id for f in self.frames() if isinstance(f, protocol.Job)]

    def frames(self) -> list[protocol.Frame]:
        """All that the newest worker was told."""
        return protocol.Decoder().feed(self.process.written)

    def say(self, *frames: protocol.Frame) -> None:
        """The newest worker says something."""
        self.process.say(b"".join(map(protocol.encode, frames)))

    def answer(self, job_id: int) -> None:
        """The newest worker does a job."""
        self.say(
            protocol.Head(job_id, "application/json"),
            protocol.Chunk(job_id, b"ans"),
            protocol.Chunk(job_id, b"wer"),
            protocol.Done(job_id),
        )

    def test_starts_on_first_use(self) -> None:
        """There is no worker before the first job, and one for all."""
        self.assertEqual(self.reactor.processes, [])
        first, second = self.submit(), self.submit()
        self.assertEqual(len(self.reactor.processes), 1)
        self.assertEqual(self.process.arguments[-1], _ENTRY.engine)
        self.say(protocol.Ready(0.1))
        for submitted, job_id in zip((first, second), self.jobs(), strict=True):
            self.assertNoResult(submitted)
            self.answer(job_id)
            job, content_type = self.successResultOf(submitted)
            self.assertEqual(content_type, "application/json")
            whole = self.successResultOf(Deferred.fromCoroutine(job.whole()))
            self.assertEqual(whole, b"answer")

    def test_queue(self) -> None:
        """Two are served, one waits its turn, the fourth is refused."""
        first, _, third, fourth = [self.submit() for _ in range(4)]
        error = self.failureResultOf(fourth, GatewayError).value
        self.assertEqual((error.status, error.code), (429, "queue_full"))
        self.assertEqual(len(self.jobs()), 2)
        self.answer(self.jobs()[0])
        self.successResultOf(first)
        self.assertEqual(len(self.jobs()), 3)
        self.assertNoResult(third)

    def test_first_come_first_served(self) -> None:
        """Those who wait are served in their order."""
        self.model = LocalModel(self.reactor, self.clock, _ENTRY, {}, 5, _IDLE)
        submitted = [self.submit() for _ in range(5)]
        for number, each in enumerate(submitted):
            self.answer(self.jobs()[number])
            self.successResultOf(each)

    def test_caller_leaves_the_queue(self) -> None:
        """One that waits and leaves makes room, and never reaches the worker."""
        first, second, third = [self.submit() for _ in range(3)]
        third.cancel()
        self.failureResultOf(third, CancelledError)
        fourth = self.submit()
        self.assertNoResult(fourth)
        self.answer(self.jobs()[0])
        self.answer(self.jobs()[1])
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(len(self.jobs()), 3)

    def test_caller_leaves_the_worker(self) -> None:
        """A job is cancelled at the worker, and holds its slot until the worker lets go."""
        first, _, third = [self.submit() for _ in range(3)]
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.frames()[-1], protocol.Cancel(self.jobs()[0]))
        self.assertEqual(len(self.jobs()), 2)
        self.say(protocol.Failed(self.jobs()[0], 499, "cancelled"))
        self.assertEqual(len(self.jobs()), 3)
        self.assertNoResult(third)
        self.clock.advance(CANCEL_TIMEOUT)
        self.assertEqual(self.process.signals, [])

    def test_consumer_stops(self) -> None:
        """A consumer that stops in the middle of an answer cancels the job."""
        submitted = self.submit()
        (job_id,) = self.jobs()
        self.say(protocol.Head(job_id, "text/event-stream"), protocol.Chunk(job_id, b"a"))
        job, _ = self.successResultOf(submitted)
        job.stopProducing()
        job.stopProducing()
        cancels = [frame for frame in self.frames() if isinstance(frame, protocol.Cancel)]
        self.assertEqual(cancels, [protocol.Cancel(job_id)])

    def test_stuck_worker(self) -> None:
        """A worker that goes on with a cancelled job is killed."""
        submitted = self.submit()
        submitted.cancel()
        self.failureResultOf(submitted, CancelledError)
        self.clock.advance(LOAD_TIMEOUT if LOAD_TIMEOUT < CANCEL_TIMEOUT else CANCEL_TIMEOUT)
        self.assertEqual(self.process.signals, [signal.SIGKILL])

    def test_worker_does_not_load(self) -> None:
        """A worker that never becomes ready is killed, and its jobs fail."""
        submitted = self.submit()
        self.clock.advance(LOAD_TIMEOUT)
        self.assertEqual(self.process.signals, [signal.SIGKILL])
        self.process.end(number=9)
        self.assertEqual(self.failureResultOf(submitted, GatewayError).value.status, 502)

    def test_worker_dies(self) -> None:
        """Its jobs get a 502, and who waited is served by a new one."""
        first, second, third = [self.submit() for _ in range(3)]
        self.process.end(number=11)
        for submitted in (first, second):
            error = self.failureResultOf(submitted, GatewayError).value
            self.assertEqual((error.status, error.code), (502, "worker_died"))
        self.assertEqual(len(self.reactor.processes), 2)
        self.answer(self.jobs()[0])
        self.successResultOf(third)

    def test_worker_dies_in_mid_answer(self) -> None:
        """An answer that has begun fails where it is."""
        submitted = self.submit()
        (job_id,) = self.jobs()
        self.say(protocol.Head(job_id, "x/y"), protocol.Chunk(job_id, b"a"))
        job, _ = self.successResultOf(submitted)
        whole = Deferred.fromCoroutine(job.whole())
        self.process.end(status=1)
        self.assertEqual(self.failureResultOf(whole, GatewayError).value.status, 502)

    def test_refusal(self) -> None:
        """What the model refuses comes as it said it."""
        submitted = self.submit()
        self.say(protocol.Failed(self.jobs()[0], 400, "no", "input", "too_long"))
        error = self.failureResultOf(submitted, GatewayError).value
        self.assertEqual(
            (error.status, error.message, error.param, error.code), (400, "no", "input", "too_long")
        )

    def test_garbage(self) -> None:
        """A worker that sends what is no frame is killed."""
        submitted = self.submit()
        self.process.say(b"\xff\xff\xff\xffgarbage")
        self.assertEqual(self.process.signals, [signal.SIGKILL])
        self.process.end(number=9)
        self.failureResultOf(submitted, GatewayError)

    def test_idle(self) -> None:
        """It is ended after a while without a job, not before, and not while it has one."""
        submitted = self.submit()
        self.say(protocol.Ready(0.1))
        self.clock.advance(10 * _IDLE)
        self.answer(self.jobs()[0])
        self.successResultOf(submitted)
        self.clock.advance(_IDLE - 1)
        self.assertEqual(self.process.signals, [])
        self.clock.advance(1)
        self.assertEqual(self.process.signals, [signal.SIGTERM])
        self.submit()
        self.assertEqual(len(self.reactor.processes), 2)

    def test_stop(self) -> None:
        """Stopping waits for the worker, and kills it when it does not go."""
        self.submit().addErrback(lambda _: None)
        stopped = Deferred.fromCoroutine(self.model.stop())
        self.assertEqual(self.process.signals, [signal.SIGTERM])
        self.clock.advance(TERMINATE_GRACE)
        self.assertEqual(self.process.signals, [signal.SIGTERM, signal.SIGKILL])
        self.assertNoResult(stopped)
        self.process.end(number=9)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_backpressure(self) -> None:
        """A paused consumer is written to when it resumes, and not before."""
        submitted = self.submit()
        (job_id,) = self.jobs()
        self.say(protocol.Head(job_id, "x/y"), protocol.Chunk(job_id, b"a"))
        job, _ = self.successResultOf(submitted)
        written: list[bytes] = []
        job.pauseProducing()
        done = job.startProducing(type("Consumer", (), {"write": written.append}))
        self.say(protocol.Chunk(job_id, b"b"), protocol.Done(job_id))
        self.assertEqual(written, [])
        self.assertNoResult(done)
        job.resumeProducing()
        self.assertEqual(written, [b"a", b"b"])
        self.successResultOf(done)

"""Running jobs: turns, outcomes, cancelling, draining, restarts."""

from __future__ import annotations

from tests.jobs.case import JobsCase
from tests.support.logs import record_log, text_of
from twisted_aigate.jobs.errors import NoResponse, NoSuchJob
from twisted_aigate.jobs.files import SyncedFile
from twisted_aigate.jobs.sealing import Seal
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.identifiers import current_request_id
from twisted_aigate.kernel.secrets import Secret


class RunnerTests(JobsCase):
    """Two at once."""

    def setUp(self) -> None:
        super().setUp()
        self.runner.start([])

    def test_turns(self) -> None:
        """First come, first served; no more at once than may be."""
        jobs = [self.take(b"%d" % number) for number in range(4)]
        self.assertEqual(self.posts.bodies, [b"0", b"1"])
        self.assertEqual(
            [self.status(job) for job in jobs], ["running", "running", "queued", "queued"]
        )
        self.assertEqual((self.runner.running, self.runner.waiting), (2, 2))
        self.posts.posted[1].answer()
        self.assertEqual(self.posts.bodies, [b"0", b"1", b"2"])
        self.assertEqual((self.runner.running, self.runner.waiting), (2, 1))
        for posted in (0, 2, 3):
            self.posts.posted[posted].answer()
        self.assertEqual([self.status(job) for job in jobs], ["completed"] * 4)

    def test_the_call(self) -> None:
        """It is what was sent, with the owner's key and the request's id."""
        self.take(b"body")
        posted = self.posts.posted[0]
        self.assertEqual((posted.target, posted.client), (b"/v1/x?a=b", "192.0.2.1"))
        self.assertEqual(
            posted.fields,
            (
                (b"content-type", b"text/plain"),
                (b"authorization", b"Bearer sk-alice"),
                (b"x-request-id", b"r1"),
            ),
        )
        self.assertIsNone(current_request_id.get())

    def test_response(self) -> None:
        """It is kept with its status and its fields, but for those that frame it."""
        job = self.take(b"x")
        self.clock.advance(5)
        self.posts.posted[0].answer(201, b"made")
        found = self.result(self.jobs.find(self.alice, job.id))
        self.assertEqual((found.status, found.response_status), ("completed", 201))
        fields = ((b"Content-Type", b"text/x"), (b"X-Model", b"m"))
        self.assertEqual(found.response_fields, fields)
        self.assertEqual((found.started_at, found.finished_at), (1000.0, 1005.125))
        self.assertIsNone(found.sealed_key)
        self.assertEqual(self.content(job), b"made")
        self.assertEqual([path.name for path in (self.folder / job.id).iterdir()], ["response"])

    def test_failed(self) -> None:
        """A refusal is kept as it is."""
        job = self.take(b"x")
        self.posts.posted[0].answer(429, b"slower")
        self.assertEqual((self.status(job), self.content(job)), ("failed", b"slower"))

    def test_cut_off(self) -> None:
        """Half of a response is none."""
        job = self.take(b"x")
        self.posts.posted[0].answer(200, b"ha", whole=False)
        self.assertEqual(self.status(job), "failed")
        found = self.result(self.jobs.find(self.alice, job.id))
        self.error(self.jobs.content(found), NoResponse)

    def test_disk_full(self) -> None:
        """A response that cannot be written ends the call, and the job has none."""

        write = SyncedFile.write

        def full(file: SyncedFile, data: bytes) -> None:
            if data == b"y":
                raise OSError(28, "No space left on device")
            write(file, data)

        self.patch(SyncedFile, "write", full)
        job = self.take(b"x")
        events = record_log(self)
        posted = self.posts.posted[0]
        posted.begin(200, ())
        posted.consumer.write(b"y")
        self.assertTrue(posted.cancelled)
        self.assertEqual(self.status(job), "failed")
        self.assertIn("No space left", text_of(events))
        self.flushLoggedErrors(OSError)

    def test_database_away(self) -> None:
        """The outcome is told when the database is back: the call is not made again."""
        job = self.take(b"x")
        self.database.refuse = [DatabaseUnavailable("away"), DatabaseUnavailable("still away")]
        self.posts.posted[0].answer()
        self.clock.advance(5)
        self.clock.advance(5)
        self.assertEqual(self.status(job), "completed")
        self.assertEqual(len(self.posts.posted), 1)

    def test_delete_running(self) -> None:
        """The call is cancelled, and the next has its turn."""
        jobs = [self.take(b"%d" % number) for number in range(3)]
        deleted = self.result(self.jobs.delete(self.alice, jobs[0].id))
        self.assertEqual(deleted.status, "cancelled")
        self.assertTrue(self.posts.posted[0].cancelled)
        self.assertEqual(self.posts.bodies, [b"0", b"1", b"2"])
        self.assertEqual(self.there(), sorted(job.id for job in jobs[1:]))
        self.error(self.jobs.find(self.alice, jobs[0].id), NoSuchJob)

    def test_delete_queued(self) -> None:
        """It never runs."""
        jobs = [self.take(b"%d" % number) for number in range(3)]
        deleted = self.result(self.jobs.delete(self.alice, jobs[2].id))
        self.assertEqual(deleted.status, "cancelled")
        self.posts.posted[0].answer()
        self.assertEqual(self.posts.bodies, [b"0", b"1"])

    def test_delete_over(self) -> None:
        """It is forgotten, as what it was."""
        job = self.take(b"x")
        self.posts.posted[0].answer()
        self.assertEqual(self.result(self.jobs.delete(self.alice, job.id)).status, "completed")
        self.assertEqual(self.there(), [])

    def test_delete_without_database(self) -> None:
        """What cannot be forgotten is not cancelled."""
        job = self.take(b"x")
        self.database.refuse = [DatabaseUnavailable("away")]
        self.error(self.jobs.delete(self.alice, job.id), DatabaseUnavailable)
        self.assertFalse(self.posts.posted[0].cancelled)
        self.posts.posted[0].answer()
        self.assertEqual(self.status(job), "completed")

    def test_drain(self) -> None:
        """Those that run end, no other begins."""
        jobs = [self.take(b"%d" % number) for number in range(3)]
        drained = self.runner.drain()
        self.posts.posted[0].answer()
        self.assertNoResult(drained)
        self.posts.posted[1].answer()
        self.successResultOf(drained)
        self.assertEqual(self.status(jobs[2]), "queued")
        self.restart()
        self.assertEqual(self.posts.bodies, [b"0", b"1", b"2"])

    def test_cut(self) -> None:
        """Those that are cut run again after the restart, before those that came later."""
        jobs = [self.take(b"%d" % number) for number in range(3)]
        self.posts.posted[0].begin(200, ())
        self.posts.posted[0].consumer.write(b"a long beginning")
        drained = self.runner.drain()
        self.runner.cut()
        self.successResultOf(drained)
        self.assertTrue(self.posts.posted[0].cancelled)
        self.restart()
        self.assertEqual(self.posts.bodies[2:], [b"0", b"1"])
        for posted in self.posts.posted[2:]:
            posted.answer(data=b"end")
        self.assertEqual([self.content(job) for job in jobs[:2]], [b"end", b"end"])
        self.assertEqual(self.posts.bodies[4:], [b"2"])

    def test_cut_without_database(self) -> None:
        """A run that waits for the database is cut too, and leaves no timer."""
        self.take(b"x")
        self.database.refuse = [DatabaseUnavailable("away")] * 2
        self.posts.posted[0].answer()
        drained = self.runner.drain()
        self.assertNoResult(drained)
        self.runner.cut()
        self.successResultOf(drained)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_crash(self) -> None:
        """After a crash what was over is not run again, all else is, in its order."""
        jobs = [self.take(b"%d" % number) for number in range(4)]
        self.clock.advance(1)
        self.posts.posted[0].answer(data=b"first")
        self.restart()
        self.assertEqual(len(self.posts.bodies), 5)
        self.assertNotIn(b"0", self.posts.bodies[3:])
        self.assertEqual(self.content(jobs[0]), b"first")

    def test_other_master_key(self) -> None:
        """A key that was sealed under another master key opens nothing any more."""
        self.runner.drain()
        self.take(b"x")
        self.seal = Seal(Secret("sk-new"))
        self.restart()
        self.assertIn((b"authorization", b"Bearer "), self.posts.posted[0].fields)

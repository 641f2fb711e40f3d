"""Forgetting jobs."""

from __future__ import annotations

from tests.jobs.case import JobsCase
from twisted_aigate.jobs.errors import NoSuchJob
from twisted_aigate.jobs.retention import Retention
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.units import HOUR, MINUTE


class RetentionTests(JobsCase):
    """Kept for an hour."""

    def setUp(self) -> None:
        super().setUp()
        self.runner.start([])
        self.retention = Retention(
            self.clock, self.table, self.database, self.files, self.threads, HOUR
        )

    def test_an_hour_after_the_end(self) -> None:
        """Not before; what is not over is kept for ever."""
        over, running = self.take(b"1"), self.take(b"2")
        self.clock.advance(HOUR)
        self.posts.posted[0].answer()
        self.retention.start()
        self.clock.advance(HOUR - MINUTE)
        self.assertEqual(self.status(over), "completed")
        self.clock.pump([MINUTE] * 3)
        self.error(self.jobs.find(self.alice, over.id), NoSuchJob)
        self.assertEqual(self.status(running), "running")
        self.assertEqual(self.there(), [running.id])
        self.result(self.retention.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_goes_on(self) -> None:
        """A sweep that failed is made up for by the next."""
        job = self.take(b"1")
        self.posts.posted[0].answer()
        self.clock.advance(2 * HOUR)
        self.database.refuse = [DatabaseUnavailable("away")]
        self.retention.start()
        self.assertEqual(len(self.flushLoggedErrors(DatabaseUnavailable)), 1)
        self.assertEqual(self.there(), [job.id])
        self.clock.advance(MINUTE)
        self.assertEqual(self.there(), [])

    def test_strays(self) -> None:
        """What was being taken at a crash is removed, and nothing else."""
        job = self.take(b"1")
        self.files.make("a" * 32)
        self.result(self.retention.remove_strays())
        self.assertEqual(self.there(), [job.id])

"""Jobs in the database."""

from __future__ import annotations

from functools import partial

from attrs import evolve

from tests.storage.metadata.connections import OnPostgreSQL, OnSQLite
from twisted_aigate.jobs.models import Ask, Job, Owner
from twisted_aigate.jobs.records import JobTable

_MASTER = Owner("master")
_ALICE = Owner("alice", b"sk-alice")
_ASK = Ask(b"/v1/x?q=%00", ((b"a", b"1"), (b"a", bytes(range(128, 256)))), "::1", "r")


def _job(number: int, owner: str = "alice", at: float | None = None) -> Job:
    created = float(number) if at is None else at
    return Job(f"{number:032x}", owner, "sealed", _ASK, created)


class RecordsContract:
    def setUp(self) -> None:
        super().setUp()
        self.table = JobTable("here")

    def insert(self, *jobs: Job) -> None:
        for job in jobs:
            self.table.insert(self.conn, job)

    def ids(self, owner: Owner, after: Job | None = None, limit: int = 9) -> list[int]:
        page = self.table.page(self.conn, owner, after, limit)
        return [int(job.id, 16) for job in page]

    def test_what_is_inserted_is_found(self) -> None:
        for job in (_job(1), evolve(_job(2), sealed_key=None)):
            self.insert(job)
            self.assertEqual(self.table.find(self.conn, job.id), job)
        self.assertIsNone(self.table.find(self.conn, "0" * 32))

    def test_life(self) -> None:
        job = _job(1)
        self.insert(job)
        self.table.started(self.conn, job.id, 5.0)
        running = self.table.find(self.conn, job.id)
        self.assertEqual((running.status, running.started_at), ("running", 5.0))
        response = (404, ((b"Content-Type", b"text/x"),))
        self.table.finished(self.conn, job.id, "failed", response, 6.0)
        expected = evolve(
            job,
            sealed_key=None,
            status="failed",
            started_at=5.0,
            finished_at=6.0,
            response_status=404,
            response_fields=response[1],
        )
        self.assertEqual(self.table.find(self.conn, job.id), expected)

    def test_no_response(self) -> None:
        self.insert(_job(1))
        self.table.finished(self.conn, _job(1).id, "failed", None, 6.0)
        self.assertIsNone(self.table.find(self.conn, _job(1).id).response_status)

    def test_pages(self) -> None:
        """The newest first, those of one moment too, each once; to each owner its own."""
        jobs = [_job(number, "alice" if number % 2 else "bob", 1.0 + number // 3)
                for number in range(8)]  # fmt: skip
        self.insert(*jobs)
        self.assertEqual(self.ids(_MASTER), [7, 6, 5, 4, 3, 2, 1, 0])
        self.assertEqual(self.ids(_MASTER, jobs[4], 3), [3, 2, 1])
        self.assertEqual(self.ids(_ALICE), [7, 5, 3, 1])
        self.assertEqual(self.ids(_ALICE, jobs[5], 1), [3])

    def test_requeue(self) -> None:
        """What ran waits again, in the order in which it came; what is over stays so."""
        self.insert(*(_job(number) for number in (3, 1, 2, 4)))
        self.table.started(self.conn, _job(2).id, 5.0)
        self.table.finished(self.conn, _job(1).id, "completed", (200, ()), 6.0)
        waiting = [int(job_id, 16) for job_id in self.table.requeue(self.conn)]
        self.assertEqual(waiting, [2, 3, 4])
        again = self.table.find(self.conn, _job(2).id)
        self.assertEqual((again.status, again.started_at), ("queued", None))
        self.assertEqual(self.table.find(self.conn, _job(1).id).status, "completed")

    def test_finished_before(self) -> None:
        self.insert(*(_job(number) for number in (1, 2, 3)))
        for number in (1, 2):
            self.table.finished(self.conn, _job(number).id, "failed", None, float(number))
        self.assertEqual(self.table.finished_before(self.conn, 2.0), [_job(1).id])
        self.table.delete(self.conn, [_job(1).id, _job(3).id])
        self.assertEqual(self.ids(_MASTER), [2])

    def test_nodes(self) -> None:
        """A node knows nothing of another's jobs, and does nothing to them."""
        self.insert(_job(1))
        other = JobTable("there")
        other.started(self.conn, _job(1).id, 1.0)
        other.finished(self.conn, _job(1).id, "failed", None, 1.0)
        other.delete(self.conn, [_job(1).id])
        self.assertEqual(self.table.find(self.conn, _job(1).id), _job(1))
        for look in (
            partial(other.find, job_id=_job(1).id),
            partial(other.page, owner=_MASTER, after=None, limit=9),
            other.requeue,
            partial(other.known, job_ids=[_job(1).id]),
            partial(other.finished_before, when=9.0),
        ):
            self.assertFalse(look(self.conn))
        self.assertEqual(self.table.known(self.conn, [_job(1).id, "x"]), {_job(1).id})


class SQLiteRecordsTests(RecordsContract, OnSQLite):
    """On SQLite."""


class PostgreSQLRecordsTests(RecordsContract, OnPostgreSQL):
    """On PostgreSQL."""

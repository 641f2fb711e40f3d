"""Jobs in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from twisted_aigate.jobs.models import QUEUED, RUNNING, Ask, Fields, Job, Owner

metadata = sa.MetaData()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("sealed_key", sa.Text),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("response_status", sa.Integer),
    sa.Column("response_fields", sa.Text),
    sa.Index("jobs_created_at", "node", "created_at", "id"),
    sa.Index("jobs_finished_at", "node", "finished_at"),
)


class JobTable:
    """
    The jobs of one node.

    Every method is work for L{twisted_aigate.kernel.database.Database}.

    @param node: The process's share of a database that several use: bodies are on its disk.
    """

    def __init__(self, node: str) -> None:
        self._ours = jobs.c.node == node
        self._node = node

    def insert(self, connection: Connection, job: Job) -> None:
        """Keep a new job."""
        connection.execute(
            jobs.insert(),
            {
                "id": job.id,
                "node": self._node,
                "owner": job.owner,
                "sealed_key": job.sealed_key,
                "target": job.ask.target.decode("latin-1"),
                "fields": _as_text(job.ask.fields),
                "client": job.ask.client,
                "request_id": job.ask.request_id,
                "created_at": job.created_at,
                "status": job.status,
            },
        )

    def started(self, connection: Connection, job_id: str, now: float) -> None:
        """A job runs."""
        self._update(connection, job_id, status=RUNNING, started_at=now)

    def finished(
        self,
        connection: Connection,
        job_id: str,
        status: str,
        response: tuple[int, Fields] | None,
        now: float,
    ) -> None:
        """
        A job is over.

        @param response: The HTTP status and the header fields of its response, if there is one.
        """
        kept: dict[str, object] = {}
        if response is not None:
            kept = {"response_status": response[0], "response_fields": _as_text(response[1])}
        # Its key has done its work.
        self._update(connection, job_id, status=status, finished_at=now, sealed_key=None, **kept)

    def _update(self, connection: Connection, job_id: str, **values: object) -> None:
        connection.execute(jobs.update().where(self._ours, jobs.c.id == job_id).values(**values))

    def find(self, connection: Connection, job_id: str) -> Job | None:
        """A job, if it is kept."""
        query = jobs.select().where(self._ours, jobs.c.id == job_id)
        row = connection.execute(query).one_or_none()
        return None if row is None else _job(row)

    def page(
        self, connection: Connection, owner: Owner, after: Job | None, limit: int
    ) -> list[Job]:
        """
        Jobs that an owner sees, the newest first.

        @param after: The last of the page before.
        """
        query = jobs.select().where(self._ours)
        if not owner.sees_all:
            query = query.where(jobs.c.owner == owner.name)
        if after is not None:
            place = sa.tuple_(jobs.c.created_at, jobs.c.id)
            query = query.where(place < (after.created_at, after.id))
        query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        return [_job(row) for row in connection.execute(query)]

    def requeue(self, connection: Connection) -> list[str]:
        """
        After a restart: have those that ran wait again.

        @return: The ids of all that wait, the oldest first.
        """
        running = jobs.update().where(self._ours, jobs.c.status == RUNNING)
        connection.execute(running.values(status=QUEUED, started_at=None))
        query = sa.select(jobs.c.id).where(self._ours, jobs.c.status == QUEUED)
        query = query.order_by(jobs.c.created_at, jobs.c.id)
        return list(connection.execute(query).scalars())

    def known(self, connection: Connection, job_ids: Sequence[str]) -> set[str]:
        """Those of C{job_ids} that are kept."""
        query = sa.select(jobs.c.id).where(self._ours, jobs.c.id.in_(job_ids))
        return set(connection.execute(query).scalars())

    def finished_before(self, connection: Connection, when: float) -> list[str]:
        """The jobs that ended before a time."""
        query = sa.select(jobs.c.id).where(self._ours, jobs.c.finished_at < when)
        return list(connection.execute(query).scalars())

    def delete(self, connection: Connection, job_ids: Iterable[str]) -> None:
        """Forget jobs."""
        connection.execute(jobs.delete().where(self._ours, jobs.c.id.in_(list(job_ids))))


def _as_text(fields: Fields) -> str:
    return json.dumps([[name.decode("latin-1"), value.decode("latin-1")] for name, value in fields])


def _fields(text: str | None) -> Fields:
    pairs = json.loads(text or "[]")
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs)


def _job(row: Any) -> Job:
    ask = Ask(row.target.encode("latin-1"), _fields(row.fields), row.client, row.request_id)
    return Job(
        row.id,
        row.owner,
        row.sealed_key,
        ask,
        row.created_at,
        row.status,
        row.started_at,
        row.finished_at,
        row.response_status,
        _fields(row.response_fields),
    )

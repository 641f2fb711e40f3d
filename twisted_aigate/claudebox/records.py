"""Runs in the database: what a restarted server must know to find them again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import Connection

from twisted_aigate.kernel.process_table import ProcessIdentity

metadata = sa.MetaData()

runs = sa.Table(
    "claude_runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("verbose", sa.Boolean, nullable=False),
    sa.Column("detached", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("deadline", sa.Double),
    sa.Column("pid", sa.Integer),
    sa.Column("process_started", sa.BigInteger),
    sa.Column("boot", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    sa.Column("exit_code", sa.Integer),
    sa.Column("finished_at", sa.Double),
    sa.Index("claude_runs_status", "node", "instance", "status"),
    sa.Index("claude_runs_finished_at", "finished_at"),
)

sessions = sa.Table(
    "claude_sessions",
    metadata,
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("session_id", sa.Text, nullable=False),
)

RUNNING = "running"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
TIMED_OUT = "timed_out"
STOPPED = "stopped"
"""The server ended it, or had to give it up."""


@frozen
class Outcome:
    """
    How a run ended.

    @ivar status: L{COMPLETED}, L{FAILED}, L{CANCELLED}, L{TIMED_OUT} or L{STOPPED}.
    @ivar detail: What went wrong; empty when nothing did.
    @ivar exit_code: Claude Code's exit status, if it is known.
    """

    status: str
    detail: str = ""
    exit_code: int | None = None


@frozen
class RunRecord:
    """
    A run.

    @ivar id: Its id.
    @ivar workspace: Its workspace's name.
    @ivar session_id: The session that it is part of.
    @ivar verbose: Its result has the turns.
    @ivar detached: It outlives its client, and the server.
    @ivar created_at: When it was asked for, in seconds of Unix time.
    @ivar deadline: When it is ended, in seconds of Unix time; C{None}: never.
    @ivar process: Its process, once it has one.
    @ivar outcome: How it ended; C{None} while it runs.
    """

    id: str
    workspace: str
    session_id: str
    verbose: bool
    detached: bool
    created_at: float
    deadline: float | None
    process: ProcessIdentity | None = None
    outcome: Outcome | None = None


class RunTable:
    """
    The runs of one instance on one machine.

    Every method is work for L{twisted_aigate.kernel.database.Database}.

    @param node: The machine, when several share a database: processes and files are not shared.
    @param instance: The instance's name.
    """

    def __init__(self, node: str, instance: str) -> None:
        self._node = node
        self._instance = instance

    def _ours(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.node == self._node, table.c.instance == self._instance)

    def insert(self, connection: Connection, record: RunRecord) -> None:
        """Keep a new run."""
        connection.execute(
            runs.insert(),
            {
                "id": record.id,
                "node": self._node,
                "instance": self._instance,
                "workspace": record.workspace,
                "session_id": record.session_id,
                "verbose": record.verbose,
                "detached": record.detached,
                "created_at": record.created_at,
                "deadline": record.deadline,
                "status": RUNNING,
            },
        )

    def started(self, connection: Connection, run_id: str, process: ProcessIdentity) -> None:
        """Keep which process a run is."""
        self._update(
            connection,
            run_id,
            pid=process.pid,
            process_started=process.started,
            boot=process.boot,
        )

    def finished(
        self,
        connection: Connection,
        run_id: str,
        workspace: str,
        session_id: str | None,
        outcome: Outcome,
        now: float,
        lost_session: str | None = None,
    ) -> None:
        """
        Keep how a run ended.

        @param session_id: The session that its workspace goes on with; C{None}: the one before.
        @param lost_session: A session that it does not go on with any more.
        """
        self._update(
            connection,
            run_id,
            status=outcome.status,
            detail=outcome.detail,
            exit_code=outcome.exit_code,
            finished_at=now,
        )
        if session_id is not None:
            self._keep_session(connection, workspace, session_id)
        if lost_session is not None:
            here = sa.and_(self._ours(sessions), sessions.c.workspace == workspace)
            lost = sessions.c.session_id == lost_session
            connection.execute(sessions.delete().where(here, lost))

    def _update(self, connection: Connection, run_id: str, **values: object) -> None:
        connection.execute(runs.update().where(runs.c.id == run_id).values(**values))

    def find(self, connection: Connection, run_id: str) -> RunRecord | None:
        """A run, if it is kept."""
        query = runs.select().where(self._ours(runs), runs.c.id == run_id)
        row = connection.execute(query).one_or_none()
        return None if row is None else _record(row)

    def unfinished(self, connection: Connection) -> list[RunRecord]:
        """The runs that no server has seen the end of."""
        query = runs.select().where(self._ours(runs), runs.c.status == RUNNING)
        return [_record(row) for row in connection.execute(query)]

    def finished_before(self, connection: Connection, when: float) -> list[str]:
        """The runs that ended before a time."""
        query = sa.select(runs.c.id).where(self._ours(runs), runs.c.finished_at < when)
        return list(connection.execute(query).scalars())

    def delete(self, connection: Connection, run_ids: Iterable[str]) -> None:
        """Forget runs."""
        connection.execute(runs.delete().where(runs.c.id.in_(list(run_ids))))

    def session(self, connection: Connection, workspace: str) -> str | None:
        """The last session of a workspace."""
        query = sa.select(sessions.c.session_id).where(
            self._ours(sessions), sessions.c.workspace == workspace
        )
        return connection.execute(query).scalar_one_or_none()

    def _keep_session(self, connection: Connection, workspace: str, session_id: str) -> None:
        here = sa.and_(self._ours(sessions), sessions.c.workspace == workspace)
        updated = connection.execute(sessions.update().where(here).values(session_id=session_id))
        if updated.rowcount == 0:
            row = {
                "node": self._node,
                "instance": self._instance,
                "workspace": workspace,
                "session_id": session_id,
            }
            connection.execute(sessions.insert(), row)


def _record(row: Any) -> RunRecord:
    process = None
    if row.pid is not None:
        process = ProcessIdentity(row.pid, row.process_started, row.boot)
    outcome = None
    if row.status != RUNNING:
        outcome = Outcome(row.status, row.detail, row.exit_code)
    return RunRecord(
        row.id,
        row.workspace,
        row.session_id,
        row.verbose,
        row.detached,
        row.created_at,
        row.deadline,
        process,
        outcome,
    )

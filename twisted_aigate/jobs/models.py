"""What a job is."""

from __future__ import annotations

from attrs import frozen

Fields = tuple[tuple[bytes, bytes], ...]

QUEUED = "queued"
RUNNING = "running"
COMPLETED = "completed"
FAILED = "failed"
"""Its response says so, or there is none."""
CANCELLED = "cancelled"


@frozen
class Owner:
    """
    Who sees a job.

    @ivar name: C{master}, or the hash of a key.
    @ivar key: The key itself, to be sealed; empty for the master key.
    """

    name: str
    key: bytes = b""

    @property
    def sees_all(self) -> bool:
        """Whether all jobs are this one's."""
        return not self.key


@frozen
class Ask:
    """
    What a job is to do.

    @ivar target: The gateway's path, with the query if there is one.
    @ivar fields: The request's header fields, without keys.
    @ivar client: The client's address.
    @ivar request_id: The id in the log lines of its run.
    """

    target: bytes
    fields: Fields
    client: str
    request_id: str


@frozen
class Job:
    """
    A job.

    @ivar id: Its id.
    @ivar owner: Whose it is: L{Owner.name}.
    @ivar sealed_key: The owner's key as L{twisted_aigate.jobs.sealing.Seal} has it; C{None}: the
        master key.
    @ivar ask: What it is to do.
    @ivar created_at: When it was taken, in seconds of Unix time.
    @ivar status: L{QUEUED}, L{RUNNING}, L{COMPLETED}, L{FAILED} or L{CANCELLED}.
    @ivar started_at: When its last run began.
    @ivar finished_at: When it ended.
    @ivar response_status: The HTTP status of its response; C{None} when there is none.
    @ivar response_fields: The response's header fields.
    """

    id: str
    owner: str
    sealed_key: str | None
    ask: Ask
    created_at: float
    status: str = QUEUED
    started_at: float | None = None
    finished_at: float | None = None
    response_status: int | None = None
    response_fields: Fields = ()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status not in (QUEUED, RUNNING)

    @property
    def path(self) -> str:
        """The gateway's path, without the query."""
        return self.ask.target.partition(b"?")[0].decode("latin-1")

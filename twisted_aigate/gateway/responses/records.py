"""Responses in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import Connection

metadata = sa.MetaData()

responses = sa.Table(
    "responses",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("deployment", sa.Text),
    sa.Column("previous", sa.Text),
    sa.Column("thread", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("items", sa.LargeBinary),
    sa.Column("response", sa.LargeBinary),
    # All that sweeps look at: they need not read the responses themselves.
    sa.Index("responses_thread", "thread", "created_at", "size"),
)


@frozen
class Kept:
    """
    A response that is kept.

    @ivar id: Its id, C{resp_…}.
    @ivar owner: The id of the caller whose it is.
    @ivar model: The model's name as the caller wrote it.
    @ivar deployment: The id of the deployment that keeps it; C{None}: it is kept here.
    @ivar previous: The id of the response that it goes on from.
    @ivar thread: The id of the first response of the conversation.
    @ivar created_at: When it was kept, in seconds of Unix time.
    @ivar items: The items of its input, a JSON array; C{None}: it is kept by a deployment.
    @ivar response: The response, a JSON object; C{None}: it is kept by a deployment.
    """

    id: str
    owner: str
    model: str
    deployment: str | None
    previous: str | None
    thread: str
    created_at: float
    items: bytes | None = None
    response: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return len(self.items or b"") + len(self.response or b"")


class ResponseTable:
    """
    The responses.

    Every method is work for L{twisted_aigate.kernel.database.Database}.
    """

    def insert(self, connection: Connection, kept: Kept) -> None:
        """Keep a response, in place of one of the same owner's with the same id."""
        # Ids are their makers' affair: not every server has new ones.
        self.delete(connection, kept.owner, kept.id)
        connection.execute(
            responses.insert(),
            {
                "id": kept.id,
                "owner": kept.owner,
                "model": kept.model,
                "deployment": kept.deployment,
                "previous": kept.previous,
                "thread": kept.thread,
                "created_at": kept.created_at,
                "size": kept.size,
                "items": kept.items,
                "response": kept.response,
            },
        )

    def find(self, connection: Connection, owner: str, response_id: str) -> Kept | None:
        """A response of an owner's, if it is kept."""
        query = responses.select().where(_of(owner, response_id))
        row = connection.execute(query).one_or_none()
        return None if row is None else _kept(row)

    def conversation(
        self, connection: Connection, owner: str, response_id: str, most: int
    ) -> list[Kept] | None:
        """
        A response of an owner's, and all that it goes on from.

        @param most: Bytes of what is read.
        @return: The oldest first, up to one that a deployment keeps; C{None}: one is not kept.
        @raise TooLong: It is more.
        """
        found: list[Kept] = []
        next_id: str | None = response_id
        while next_id is not None:
            kept = self.find(connection, owner, next_id)
            if kept is None:
                return None
            most -= kept.size
            if most < 0:
                raise TooLong
            found.append(kept)
            next_id = kept.previous if kept.deployment is None else None
        return found[::-1]

    def delete(self, connection: Connection, owner: str, response_id: str) -> None:
        """Forget a response of an owner's."""
        connection.execute(responses.delete().where(_of(owner, response_id)))

    def idle_since(self, connection: Connection, when: float, limit: int) -> list[str]:
        """The threads whose newest response is from before a time, the oldest first."""
        newest = sa.func.max(responses.c.created_at)
        query = sa.select(responses.c.thread).group_by(responses.c.thread)
        query = query.having(newest < when).order_by(newest).limit(limit)
        return list(connection.execute(query).scalars())

    def over(self, connection: Connection, most: int) -> list[str]:
        """
        The threads that have to go, the oldest first.

        @param most: Bytes that may be kept.
        """
        total = connection.execute(sa.select(sa.func.sum(responses.c.size))).scalar() or 0
        return list(_first_of(_sizes(connection), total - most)) if total > most else []

    def delete_threads(self, connection: Connection, threads: Sequence[str]) -> None:
        """Forget all responses of these threads."""
        connection.execute(responses.delete().where(responses.c.thread.in_(threads)))


class TooLong(Exception):
    """A conversation is too long to be read."""


def _of(owner: str, response_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(responses.c.id == response_id, responses.c.owner == owner)


def _sizes(connection: Connection) -> Iterator[tuple[str, int]]:
    size, newest = sa.func.sum(responses.c.size), sa.func.max(responses.c.created_at)
    query = sa.select(responses.c.thread, size).group_by(responses.c.thread).order_by(newest)
    return ((thread, int(taken)) for thread, taken in connection.execute(query))


def _first_of(sizes: Iterator[tuple[str, int]], excess: int) -> Iterator[str]:
    for thread, size in sizes:
        if excess <= 0:
            return
        excess -= size
        yield thread


def _kept(row: Any) -> Kept:
    return Kept(
        row.id,
        row.owner,
        row.model,
        row.deployment,
        row.previous,
        row.thread,
        row.created_at,
        row.items,
        row.response,
    )

"""Virtual keys in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import Connection

from twisted_aigate.gateway.keys.models import KeyLimits, VirtualKey

metadata = sa.MetaData()

virtual_keys = sa.Table(
    "virtual_keys",
    metadata,
    sa.Column("token", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("alias", sa.Text),
    sa.Column("models", sa.Text, nullable=False),
    sa.Column("aliases", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text),
    sa.Column("team_id", sa.Text),
    sa.Column("rpm_limit", sa.BigInteger),
    sa.Column("tpm_limit", sa.BigInteger),
    sa.Column("max_parallel_requests", sa.BigInteger),
    sa.Column("spend", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("max_budget", sa.BigInteger),
    sa.Column("budget_duration", sa.Text),
    sa.Column("budget_reset_at", sa.Double),
    sa.Column("expires", sa.Double),
    sa.Column("blocked", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Index("virtual_keys_alias", "alias", unique=True),
    sa.Index("virtual_keys_created_at", "created_at", "token"),
)
"""C{spend}, C{reserved} (for calls in hand) and C{max_budget} are billionths of a dollar."""

_TURN = sa.text("SELECT pg_advisory_xact_lock(6291944)")


def take_turn(connection: Connection) -> None:
    """
    Have the processes that share a PostgreSQL change what keys have one after the other.

    Each changes many keys' rows in one transaction, in whatever order calls come: without turns
    they would wait for one another, and PostgreSQL takes a second to see that.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_TURN)


_texts = msgspec.json.Decoder(tuple[str, ...])


@frozen
class KeyFilter:
    """
    Which keys are listed; C{None}: whatever it is.

    @ivar user_id: Whose.
    @ivar team_id: The same.
    @ivar alias: Named so.
    @ivar token: Known by this.
    """

    user_id: str | None = None
    team_id: str | None = None
    alias: str | None = None
    token: str | None = None


class KeyTable:
    """All methods are work for L{twisted_aigate.kernel.database.Database}."""

    def find(self, connection: Connection, token: str) -> VirtualKey | None:
        """A key, if there is one."""
        query = virtual_keys.select().where(virtual_keys.c.token == token)
        row = connection.execute(query).one_or_none()
        return None if row is None else _key(row)

    def page(
        self, connection: Connection, wanted: KeyFilter, offset: int, limit: int
    ) -> tuple[list[VirtualKey], int]:
        """
        Keys, the newest first.

        @return: A page of them, and how many there are in all.
        """
        table = virtual_keys.c
        conditions = [
            column == value
            for column, value in (
                (table.user_id, wanted.user_id),
                (table.team_id, wanted.team_id),
                (table.alias, wanted.alias),
                (table.token, wanted.token),
            )
            if value is not None
        ]
        counted = sa.select(sa.func.count()).select_from(virtual_keys).where(*conditions)
        query = virtual_keys.select().where(*conditions)
        query = query.order_by(table.created_at.desc(), table.token).offset(offset).limit(limit)
        rows = connection.execute(query).all()
        return [_key(row) for row in rows], connection.execute(counted).scalar_one()

    def is_taken(self, connection: Connection, key: VirtualKey) -> str | None:
        """What another key has already, of what no two may have: C{key} or C{key_alias}."""
        table = virtual_keys.c
        query = sa.select(table.token, table.alias)
        same = connection.execute(query.where(table.token == key.token)).one_or_none()
        if same is not None:
            return "key"
        return self._alias_taken(connection, key)

    def _alias_taken(self, connection: Connection, key: VirtualKey) -> str | None:
        if key.alias is None:
            return None
        table = virtual_keys.c
        others = sa.select(table.token).where(table.alias == key.alias, table.token != key.token)
        return None if connection.execute(others).first() is None else "key_alias"

    def insert(self, connection: Connection, key: VirtualKey) -> str | None:
        """
        Keep a new key.

        @return: What is taken, if it cannot be; see L{is_taken}.
        """
        take_turn(connection)
        taken = self.is_taken(connection, key)
        if taken is None:
            values = {"token": key.token, "name": key.name, "created_at": key.created_at}
            values |= {"spend": key.spend, "reserved": 0, **_columns(key)}
            connection.execute(virtual_keys.insert(), values)
        return taken

    def replace(self, connection: Connection, key: VirtualKey, spend: int | None) -> str | None:
        """
        Keep a changed key.

        @param spend: What it has spent from now on; C{None}: as it is.
        @return: What is taken, if it cannot be; see L{is_taken}.
        """
        taken = self._alias_taken(connection, key)
        if taken is None:
            values = _columns(key)
            if spend is not None:
                values["spend"] = spend
            change = virtual_keys.update().where(virtual_keys.c.token == key.token)
            connection.execute(change.values(values))
        return taken

    def delete(
        self, connection: Connection, tokens: Sequence[str], aliases: Sequence[str]
    ) -> list[str]:
        """
        Delete keys.

        @return: The hashes of those that there were.
        """
        take_turn(connection)
        table = virtual_keys.c
        which = table.token.in_(tokens) | table.alias.in_(aliases)
        gone = virtual_keys.delete().where(which).returning(table.token)
        return list(connection.execute(gone).scalars())


def _columns(key: VirtualKey) -> dict[str, Any]:
    """What of a key can change, save for what it has spent."""
    return {
        "alias": key.alias,
        "models": _as_json(key.models),
        "aliases": _as_json(key.aliases),
        "metadata": _as_json(key.metadata),
        "user_id": key.user_id,
        "team_id": key.team_id,
        "rpm_limit": key.limits.rpm,
        "tpm_limit": key.limits.tpm,
        "max_parallel_requests": key.limits.max_parallel,
        "max_budget": key.max_budget,
        "budget_duration": key.budget_duration,
        "budget_reset_at": key.budget_reset_at,
        "expires": key.expires,
        "blocked": key.blocked,
        "updated_at": key.updated_at,
    }


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode("utf-8")


def _key(row: Any) -> VirtualKey:
    return VirtualKey(
        token=row.token,
        name=row.name,
        created_at=row.created_at,
        updated_at=row.updated_at,
        alias=row.alias,
        models=_texts.decode(row.models),
        aliases=msgspec.json.decode(row.aliases),
        # As an attribute, "metadata" may be the row's own.
        metadata=msgspec.json.decode(row._mapping["metadata"]),
        user_id=row.user_id,
        team_id=row.team_id,
        limits=KeyLimits(row.rpm_limit, row.tpm_limit, row.max_parallel_requests),
        spend=row.spend,
        max_budget=row.max_budget,
        budget_duration=row.budget_duration,
        budget_reset_at=row.budget_reset_at,
        expires=row.expires,
        blocked=row.blocked,
    )

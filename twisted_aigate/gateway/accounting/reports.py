"""Who spent what, out of the database."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import Connection

from twisted_aigate.gateway.accounting.records import spend_daily, spend_logs
from twisted_aigate.gateway.keys.records import virtual_keys
from twisted_aigate.kernel.database import Database


@frozen
class SpendFilter:
    """
    Which calls; C{None}: whatever it is.

    @ivar api_key: Of this key, by its hash.
    @ivar user_id: Of this one's keys.
    @ivar request_id: Of this request.
    @ivar start: Begun at this time or after it, in seconds of Unix time.
    @ivar end: Begun before it.
    """

    api_key: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    start: float | None = None
    end: float | None = None


@frozen
class Days:
    """
    Which days, such as C{2026-11-27}, both among them; C{None}: from the first, to the last.

    @ivar first: The first.
    @ivar last: The last.
    """

    first: str | None = None
    last: str | None = None


Row = Mapping[str, Any]


class SpendReports:
    """
    Reads the database; money is in billionths of a dollar.

    @param database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def calls(self, wanted: SpendFilter, limit: int) -> list[Row]:
        """Calls, the newest first."""
        return await self._database.read(partial(_calls, wanted=wanted, limit=limit))

    async def sums(self, wanted: SpendFilter) -> list[Row]:
        """What calls cost in all, by C{day}, C{api_key}, C{user_id} and C{model_group}."""
        return await self._database.read(partial(_sums, wanted=wanted))

    async def total(self, days: Days) -> int:
        """What all calls cost, those among them whose rows are forgotten."""
        return await self._database.read(partial(_total, days=days))

    async def by(self, column: str, days: Days, limit: int) -> list[Row]:
        """
        What calls cost, most first; days in their order.

        @param column: By what: C{api_key}, C{model} or C{day}.
        @return: Rows of it, C{spend}, C{requests}, C{prompt_tokens} and C{completion_tokens}; keys'
            with their C{name} and C{alias} too.
        """
        work = partial(_by, column=column, days=days, limit=limit)
        return await self._database.read(work)


def _matching(wanted: SpendFilter) -> list[sa.ColumnElement[bool]]:
    table = spend_logs.c
    conditions: list[sa.ColumnElement[bool]] = [
        column == value
        for column, value in (
            (table.api_key, wanted.api_key),
            (table.user_id, wanted.user_id),
            (table.request_id, wanted.request_id),
        )
        if value is not None
    ]
    if wanted.start is not None:
        conditions.append(table.started_at >= wanted.start)
    if wanted.end is not None:
        conditions.append(table.started_at < wanted.end)
    return conditions


def _calls(connection: Connection, wanted: SpendFilter, limit: int) -> list[Row]:
    query = spend_logs.select().where(*_matching(wanted))
    query = query.order_by(spend_logs.c.started_at.desc(), spend_logs.c.id).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def _sums(connection: Connection, wanted: SpendFilter) -> list[Row]:
    table = spend_logs.c
    groups = (table.day, table.api_key, table.user_id, table.model_group)
    query = sa.select(*groups, _whole(table.spend).label("spend")).where(*_matching(wanted))
    query = query.group_by(*groups).order_by(*groups)
    return [dict(row) for row in connection.execute(query).mappings()]


def _within(days: Days) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if days.first is not None:
        conditions.append(spend_daily.c.day >= days.first)
    if days.last is not None:
        conditions.append(spend_daily.c.day <= days.last)
    return conditions


def _total(connection: Connection, days: Days) -> int:
    query = sa.select(_whole(spend_daily.c.spend)).where(*_within(days))
    return int(connection.execute(query).scalar() or 0)


def _by(connection: Connection, column: str, days: Days, limit: int) -> list[Row]:
    group = spend_daily.c[column]
    names = ("spend", "requests", "prompt_tokens", "completion_tokens")
    sums = [_whole(spend_daily.c[name]).label(name) for name in names]
    query = sa.select(group, *sums).where(*_within(days)).group_by(group)
    query = query.order_by(group) if column == "day" else query.order_by(sums[0].desc(), group)
    rows = [dict(row) for row in connection.execute(query.limit(limit)).mappings()]
    if column == "api_key":
        tokens = [row["api_key"] for row in rows]
        keys = virtual_keys.c
        named = sa.select(keys.token, keys.name, keys.alias).where(keys.token.in_(tokens))
        names_of = {token: (name, alias) for token, name, alias in connection.execute(named)}
        for row in rows:
            row["name"], row["alias"] = names_of.get(row["api_key"], (None, None))
    return [*rows]


def _whole(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    # PostgreSQL's sum of big integers is a numeric.
    return sa.cast(sa.func.sum(column), sa.BigInteger)

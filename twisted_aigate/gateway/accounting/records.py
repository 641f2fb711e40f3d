"""
What calls cost, in the database: each, and the sums of each day.

Money is in billionths of a dollar, times are in seconds of Unix time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from attrs import define, fields
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from twisted_aigate.gateway.accounting.holds import Freed, budget_holds, release, shrink
from twisted_aigate.gateway.keys.records import metadata, take_turn, virtual_keys
from twisted_aigate.kernel.database import insert_rows

spend_logs = sa.Table(
    "spend_logs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("call_type", sa.Text, nullable=False),
    sa.Column("api_key", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text),
    sa.Column("team_id", sa.Text),
    sa.Column("end_user", sa.Text),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("model_group", sa.Text, nullable=False),
    sa.Column("model_id", sa.Text, nullable=False),
    sa.Column("spend", sa.BigInteger, nullable=False),
    sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
    sa.Column("completion_tokens", sa.BigInteger, nullable=False),
    sa.Column("cached_tokens", sa.BigInteger, nullable=False),
    sa.Column("cache_hit", sa.Boolean, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double, nullable=False),
    sa.Index("spend_logs_started_at", "started_at"),
    sa.Index("spend_logs_api_key", "api_key", "started_at"),
    sa.Index("spend_logs_user_id", "user_id", "started_at"),
    sa.Index("spend_logs_request_id", "request_id"),
)

spend_daily = sa.Table(
    "spend_daily",
    metadata,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("api_key", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("spend", sa.BigInteger, nullable=False),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
    sa.Column("completion_tokens", sa.BigInteger, nullable=False),
)
"""C{model} is the model's name here; C{day}, as there, such as C{2026-11-27}, in UTC."""


@define
class Spent:
    """
    What a call was: a row of C{spend_logs}, by the names of its columns.

    @ivar api_key: The key's hash, or who else called.
    @ivar model: The provider's model.
    @ivar model_group: The model's name here.
    @ivar cached_tokens: Those of the prompt that came out of the provider's cache.
    @ivar cache_hit: It was answered out of our own.
    """

    request_id: str
    call_type: str
    api_key: str
    user_id: str | None
    team_id: str | None
    end_user: str | None
    model: str
    model_group: str
    model_id: str
    spend: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cache_hit: bool
    started_at: float
    ended_at: float

    @property
    def day(self) -> str:
        """The day that it counts to."""
        return datetime.fromtimestamp(self.started_at, UTC).date().isoformat()


@define
class Entry:
    """
    A call that is over, or money that is held no more.

    @ivar token: The virtual key that pays; C{None}: nobody does.
    @ivar freed: What was held for it, if anything was.
    @ivar spent: What it was; C{None}: nothing came of it.
    """

    token: str | None
    freed: Freed | None
    spent: Spent | None


_COLUMNS = tuple(attribute.name for attribute in fields(Spent))
_SUMS = ("spend", "requests", "prompt_tokens", "completion_tokens")


def _upsert(insert: Any) -> Any:
    statement = insert(spend_daily)
    added = {name: spend_daily.c[name] + statement.excluded[name] for name in _SUMS}
    key = list(spend_daily.primary_key.columns)
    return statement.on_conflict_do_update(index_elements=key, set_=added)


_UPSERTS = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}


class SpendTable:
    """All methods are work for L{twisted_aigate.kernel.database.Database}."""

    def post(self, connection: Connection, batch: str, entries: Sequence[Entry]) -> None:
        """
        Keep what calls were, have their keys pay, and let go of what was held for them.

        @param batch: The batch's id: one that was kept before is not kept twice.
        """
        take_turn(connection)
        spent = [entry.spent for entry in entries if entry.spent is not None]
        freed = [entry.freed for entry in entries if entry.freed is not None]
        is_posted = bool(spent) and self._is_posted(connection, batch)
        if spent and not is_posted:
            rows = [_row(f"{batch}-{number}", each) for number, each in enumerate(spent)]
            insert_rows(connection, spend_logs, rows)
            connection.execute(_UPSERTS[connection.dialect.name], _daily(spent))
            _pay(connection, entries)
        shrink(connection, freed, is_posted=is_posted)
        holds = [each.hold for each in freed if each.is_all]
        if holds:
            release(connection, budget_holds.c.id.in_(holds))

    def _is_posted(self, connection: Connection, batch: str) -> bool:
        first = sa.select(spend_logs.c.id).where(spend_logs.c.id == f"{batch}-0")
        return connection.execute(first).first() is not None

    def release_node(self, connection: Connection, node: str) -> None:
        """Let go of all that an earlier server of a node has left."""
        take_turn(connection)
        release(connection, budget_holds.c.node == node)

    def release_expired(self, connection: Connection, now: float) -> None:
        """Let go of what servers held that are no more."""
        take_turn(connection)
        release(connection, budget_holds.c.until < now)

    def forget_keys(self, connection: Connection, tokens: Sequence[str]) -> None:
        """Hold nothing for keys that are no more: another may be made that is the same."""
        connection.execute(budget_holds.delete().where(budget_holds.c.token.in_(tokens)))

    def renew(self, connection: Connection, node: str, until: float) -> None:
        """A node is still there."""
        take_turn(connection)
        ours = budget_holds.update().where(budget_holds.c.node == node)
        connection.execute(ours.values(until=until))

    def holds_any(self, connection: Connection, node: str) -> bool:
        """Whether there is something for L{renew}."""
        query = sa.select(budget_holds.c.id).where(budget_holds.c.node == node).limit(1)
        return connection.execute(query).first() is not None

    def any_expired(self, connection: Connection, now: float) -> bool:
        """Whether there is something for L{release_expired}."""
        query = sa.select(budget_holds.c.id).where(budget_holds.c.until < now).limit(1)
        return connection.execute(query).first() is not None

    def delete_before(self, connection: Connection, when: float, most: int) -> int:
        """
        Forget rows of calls that began before a time; the sums of days stay.

        @param most: How many at the most.
        @return: How many.
        """
        old = sa.select(spend_logs.c.id).where(spend_logs.c.started_at < when).limit(most)
        result = connection.execute(spend_logs.delete().where(spend_logs.c.id.in_(old)))
        return result.rowcount


def _row(id: str, spent: Spent) -> dict[str, Any]:
    return {"id": id, "day": spent.day, **{name: getattr(spent, name) for name in _COLUMNS}}


def _daily(spent: Iterable[Spent]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    for each in spent:
        key = (each.day, each.api_key, each.model_group)
        row = sums.get(key)
        if row is None:
            day, api_key, model = key
            row = {"day": day, "api_key": api_key, "model": model, **dict.fromkeys(_SUMS, 0)}
            sums[key] = row
        row["spend"] += each.spend
        row["requests"] += 1
        row["prompt_tokens"] += each.prompt_tokens
        row["completion_tokens"] += each.completion_tokens
    # In one order in all processes: each waits for the other's rows, and never both.
    return [sums[key] for key in sorted(sums)]


def _pay(connection: Connection, entries: Iterable[Entry]) -> None:
    costs: dict[str, int] = {}
    for entry in entries:
        if entry.token is not None and entry.spent is not None and entry.spent.spend:
            costs[entry.token] = costs.get(entry.token, 0) + entry.spent.spend
    for token in sorted(costs):
        paid = virtual_keys.update().where(virtual_keys.c.token == token)
        connection.execute(paid.values(spend=virtual_keys.c.spend + costs[token]))

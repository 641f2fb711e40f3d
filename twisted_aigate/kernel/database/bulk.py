"""Many rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

_encoder = msgspec.json.Encoder()


def insert_rows(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """
    Insert rows into a table.

    PostgreSQL gets them as one parameter, whatever their number: with a parameter for each value
    both sides spend several times as long. SQLite's driver takes the values as they are. Source:
    https://www.postgresql.org/docs/current/functions-json.html

    @param rows: By the names of all columns: texts, numbers, truth values and C{None}.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_from_json(table), {"rows": _encoder.encode(rows).decode("utf-8")})
    else:
        statement = _from_values(table, connection.dialect)
        values = itemgetter(*table.c.keys())
        connection.exec_driver_sql(statement, [values(row) for row in rows])


@lru_cache
def _from_values(table: sa.Table, dialect: sa.Dialect) -> str:
    return str(table.insert().compile(dialect=dialect))


@lru_cache
def _from_json(table: sa.Table) -> sa.Insert:
    document = sa.cast(sa.bindparam("rows", type_=sa.Text), sa.JSON)
    columns = [sa.column(column.name, column.type) for column in table.c]
    records = sa.func.json_to_recordset(document).table_valued(*columns)
    typed = records.render_derived(with_types=True)
    return table.insert().from_select([column.name for column in columns], sa.select(typed))

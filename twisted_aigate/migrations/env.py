"""Alembic's environment: the connection, and the transaction on it, are its caller's."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite has transactions for the schema too; Alembic would not use them by itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

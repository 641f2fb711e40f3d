"""Responses that a later one may go on from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "responses",
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
    )
    op.create_index("responses_thread", "responses", ["thread", "created_at", "size"])

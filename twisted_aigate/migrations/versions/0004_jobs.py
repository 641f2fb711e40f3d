"""The gateway's calls as jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "jobs",
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
    )
    op.create_index("jobs_created_at", "jobs", ["node", "created_at", "id"])
    op.create_index("jobs_finished_at", "jobs", ["node", "finished_at"])

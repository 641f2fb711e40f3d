"""Claude Code's runs and sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "claude_runs",
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
    )
    op.create_index("claude_runs_status", "claude_runs", ["node", "instance", "status"])
    op.create_index("claude_runs_finished_at", "claude_runs", ["finished_at"])
    op.create_table(
        "claude_sessions",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
    )

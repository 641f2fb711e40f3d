"""Virtual keys, and what calls cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    _make_keys()
    _make_spend()


def _make_keys() -> None:
    op.create_table(
        "virtual_keys",
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
    )
    op.create_index("virtual_keys_alias", "virtual_keys", ["alias"], unique=True)
    op.create_index("virtual_keys_created_at", "virtual_keys", ["created_at", "token"])
    op.create_table(
        "budget_holds",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_index("budget_holds_until", "budget_holds", ["until"])
    op.create_index("budget_holds_node", "budget_holds", ["node"])


def _make_spend() -> None:
    op.create_table(
        "spend_logs",
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
    )
    op.create_index("spend_logs_started_at", "spend_logs", ["started_at"])
    op.create_index("spend_logs_api_key", "spend_logs", ["api_key", "started_at"])
    op.create_index("spend_logs_user_id", "spend_logs", ["user_id", "started_at"])
    op.create_index("spend_logs_request_id", "spend_logs", ["request_id"])
    op.create_table(
        "spend_daily",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("api_key", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("spend", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
    )

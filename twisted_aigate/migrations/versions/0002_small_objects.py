"""Small objects: their bytes are in their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; what is stored already stays in its blobs."""
    op.add_column("objects", sa.Column("content", sa.LargeBinary))

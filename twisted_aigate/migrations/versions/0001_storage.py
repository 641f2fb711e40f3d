"""Storage: objects, their blobs, multipart uploads, garbage, buckets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _objects()
    _uploads()
    op.create_table(
        "garbage",
        sa.Column("blob", _BYTEWISE, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "buckets",
        sa.Column("name", _BYTEWISE, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("ttl", sa.Double, nullable=False),
        sa.Column("max_file_size", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )


def _objects() -> None:
    op.create_table(
        "objects",
        sa.Column("bucket", _BYTEWISE, primary_key=True),
        sa.Column("key", _BYTEWISE, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("uploaded_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("checksum_algorithm", sa.Text),
        sa.Column("checksum_value", sa.Text),
        sa.Column("checksum_type", sa.Text),
        sa.Column("blob", _BYTEWISE),
        sa.Column("headers", sa.Text),
        sa.Column("metadata", sa.Text),
        sa.Column("tags", sa.Text),
        sa.Column("part_sizes", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("objects_blob", "objects", ["blob"], unique=True)
    expires = sa.text("expires_at IS NOT NULL")
    op.create_index(
        "objects_expires_at",
        "objects",
        ["expires_at"],
        sqlite_where=expires,
        postgresql_where=expires,
    )
    op.create_table(
        "object_blobs",
        sa.Column("bucket", _BYTEWISE, primary_key=True),
        sa.Column("key", _BYTEWISE, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("blob", _BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("object_blobs_blob", "object_blobs", ["blob"], unique=True)


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", _BYTEWISE, primary_key=True),
        sa.Column("bucket", _BYTEWISE, nullable=False),
        sa.Column("key", _BYTEWISE, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("initiated_at", sa.Double, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("headers", sa.Text),
        sa.Column("metadata", sa.Text),
        sa.Column("tags", sa.Text),
        sa.Column("checksum_algorithm", sa.Text),
        sa.Column("checksum_type", sa.Text),
    )
    op.create_index("uploads_bucket_key", "uploads", ["bucket", "key", "id"])
    op.create_index("uploads_initiated_at", "uploads", ["initiated_at"])
    op.create_table(
        "parts",
        sa.Column("upload", _BYTEWISE, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("blob", _BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("uploaded_at", sa.Double, nullable=False),
        sa.Column("checksum_algorithm", sa.Text),
        sa.Column("checksum_value", sa.Text),
        sa.Column("checksum_type", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("parts_blob", "parts", ["blob"], unique=True)

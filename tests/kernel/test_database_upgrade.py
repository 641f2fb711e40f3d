"""Migrations: once, by one, all or none, and the schema that the code believes in."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import threading
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from tests.support import postgresql
from twisted_aigate.claudebox import records
from twisted_aigate.gateway.keys import records as key_records
from twisted_aigate.gateway.responses import records as response_records
from twisted_aigate.jobs import records as job_records
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.database.engines import make_engine
from twisted_aigate.kernel.database.upgrade import revisions, upgrade
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.storage.metadata import objects, schema
from twisted_aigate.storage.models import BlobRef

_METADATA = [
    schema.metadata,
    records.metadata,
    job_records.metadata,
    key_records.metadata,
    response_records.metadata,
]
_MIGRATIONS = "twisted_aigate.migrations"

_GOOD = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0001", None
def upgrade():
    op.create_table("first", sa.Column("id", sa.Integer, primary_key=True))
"""
_BAD = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0002", "0001"
def upgrade():
    op.create_table("second", sa.Column("id", sa.Integer, primary_key=True))
    raise ZeroDivisionError
"""


def _tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


class UpgradeContract:
    def test_the_schema_is_what_the_code_believes(self) -> None:
        upgrade(self.engine, _MIGRATIONS)
        with self.engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            self.assertEqual(compare_metadata(context, _METADATA), [])

    def test_once_and_again(self) -> None:
        upgrade(self.engine, _MIGRATIONS)
        tables = _tables(self.engine)
        self.assertIn("objects", tables)
        upgrade(self.engine, _MIGRATIONS)
        self.assertEqual(_tables(self.engine), tables)

    def test_objects_of_the_first_schema_stay(self) -> None:
        """Their bytes are where they were."""
        folder = Path(self.mktemp()).absolute()
        name = f"first_{id(self)}"
        ours = Path(sys.modules["twisted_aigate"].__file__).parent / "migrations"
        shutil.copytree(ours, folder / "parents" / name)
        (folder / "parents/__init__.py").touch()
        for path in (folder / "parents" / name / "versions").glob("000[2-9]*"):
            path.unlink()
        self.patch(sys, "path", [str(folder), *sys.path])
        self.addCleanup(sys.modules.pop, "parents", None)
        upgrade(self.engine, f"parents.{name}")
        with self.engine.connect() as connection:
            connection.exec_driver_sql(
                "INSERT INTO objects (bucket, key, size, etag, content_type, uploaded_at, blob)"
                " VALUES ('bucket', 'key', 5, 'e', 'text/plain', 1.0, 'blob1')"
            )
        upgrade(self.engine, _MIGRATIONS)
        with self.engine.connect() as connection:
            found = objects.get(connection, "bucket", "key", 0.0)
        self.assertEqual((found.blobs, found.content), ((BlobRef("blob1", 5),), None))

    async def test_several_start_at_once(self) -> None:
        from twisted.internet import reactor

        threads = Threads(reactor, 4, "test")
        try:
            await gatherResults(
                [threads.run(upgrade, make_engine(self.url), _MIGRATIONS) for _ in range(4)]
            )
        finally:
            threads.stop()
        self.assertIn("objects", _tables(self.engine))

    def test_a_newer_version_has_used_it(self) -> None:
        upgrade(self.engine, _MIGRATIONS)
        with self.engine.connect() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with self.assertRaises(DatabaseUnavailable) as caught:
            upgrade(self.engine, _MIGRATIONS)
        self.assertIn("9999", str(caught.exception))

    def test_one_that_fails_leaves_nothing(self) -> None:
        folder = Path(self.mktemp()).absolute()
        name = f"migrations_{id(self)}"
        versions = folder / name / "versions"
        versions.mkdir(parents=True)
        (folder / name / "__init__.py").touch()
        environment = Path(sys.modules["twisted_aigate"].__file__).parent / "migrations/env.py"
        (folder / name / "env.py").write_text(environment.read_text())
        (versions / "0001_good.py").write_text(_GOOD)
        (folder / "parent").mkdir()
        (folder / name).rename(folder / "parent" / name)
        (folder / "parent" / "__init__.py").touch()
        bad = folder / "parent" / name / "versions" / "0002_bad.py"
        bad.write_text(_BAD)
        self.patch(sys, "path", [str(folder), *sys.path])
        self.addCleanup(sys.modules.pop, "parent", None)
        package = f"parent.{name}"
        with self.assertRaises(ZeroDivisionError):
            upgrade(self.engine, package)
        self.assertEqual(_tables(self.engine), set())
        bad.unlink()
        upgrade(self.engine, package)
        self.assertEqual(_tables(self.engine), {"alembic_version", "first"})


class SQLiteUpgradeTests(UpgradeContract, TestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.url = f"sqlite:///{self.path}"
        self.engine = make_engine(self.url)

    def test_another_process_is_making_the_file(self) -> None:
        """SQLite lets nobody wait for a new file's change to WAL mode."""
        other = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self.addCleanup(other.close)
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.05, other.execute, ("COMMIT",))
        timer.start()
        self.addCleanup(timer.join)
        upgrade(self.engine, _MIGRATIONS)
        self.assertIn("objects", _tables(self.engine))


class PostgreSQLUpgradeTests(UpgradeContract, TestCase):
    def setUp(self) -> None:
        self.url = postgresql.new_database()
        self.engine = make_engine(self.url)


class RevisionsTests(TestCase):
    def test_the_names_of_modules_are_those_of_revisions(self) -> None:
        folder = Path(sys.modules["twisted_aigate"].__file__).parent / "migrations"
        alembic = [one.revision for one in ScriptDirectory(folder).walk_revisions()]
        self.assertEqual(revisions(_MIGRATIONS), alembic[::-1])

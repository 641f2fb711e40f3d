"""Connections to run the functions on: of SQLite and of PostgreSQL, migrated, rolled back."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import Engine
from twisted.trial.unittest import SynchronousTestCase

from tests.support import postgresql
from twisted_aigate.kernel.database.engines import flavour_of, make_engine
from twisted_aigate.kernel.database.sessions import Session
from twisted_aigate.kernel.database.upgrade import upgrade

MIGRATIONS = "twisted_aigate.migrations"


@functools.cache
def _postgresql() -> Engine:
    engine = make_engine(postgresql.new_database())
    upgrade(engine, MIGRATIONS)
    return engine


@functools.cache
def _sqlite() -> bytes:
    folder = Path(tempfile.mkdtemp())
    try:
        upgrade(make_engine(f"sqlite:///{folder}/db"), MIGRATIONS)
        return (folder / "db").read_bytes()
    finally:
        shutil.rmtree(folder)


class _Connected(SynchronousTestCase):
    """
    Has a connection with a transaction, which ends with the test.

    @ivar conn: The connection.
    """

    def begin(self, engine: Engine) -> None:
        self.session = Session(engine, flavour_of(engine).writing)
        self.addCleanup(self.session.close)
        self.conn = self.session.begin()

    def afresh(self) -> None:
        """Forget what was written, for the next example."""
        self.session.run("ROLLBACK")
        self.session.begin()


class OnSQLite(_Connected):
    def setUp(self) -> None:
        path = Path(self.mktemp())
        path.write_bytes(_sqlite())
        self.begin(make_engine(f"sqlite:///{path}"))


class OnPostgreSQL(_Connected):
    def setUp(self) -> None:
        self.begin(_postgresql())

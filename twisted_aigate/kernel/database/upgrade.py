"""Bringing a database to the newest revision of its schema."""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection, Engine, column, inspect, select, table

from twisted_aigate.kernel.database.engines import flavour_of
from twisted_aigate.kernel.database.errors import DatabaseUnavailable
from twisted_aigate.kernel.database.sessions import Session

_VERSION = table("alembic_version", column("version_num"))


def revisions(package: str) -> list[str]:
    """
    The revisions of a package of migrations, the newest last.

    Each is a module C{versions/NNNN_what.py} of the revision C{NNNN}: their names say what Alembic
    would have to be imported for, which takes longer than all else that a start does here.
    """
    names = (entry.name for entry in resources.files(package).joinpath("versions").iterdir())
    return sorted(name.partition("_")[0] for name in names if name[:4].isdigit())


def upgrade(engine: Engine, package: str) -> None:
    """
    Run the migrations that the database lacks, all of them or, when one fails, none.

    @param package: The name of the package that holds Alembic's environment.
    @raise DatabaseUnavailable: A newer version of this program has used the database.
    """
    known = revisions(package)
    session = Session(engine, flavour_of(engine).migrating)
    try:
        if _is_current(session.connection, known):
            return
        connection = session.begin()
        lock = flavour_of(engine).lock_for_migration
        if lock is not None:
            session.run(lock)
        # Another process may have done it while this one waited.
        if not _is_current(connection, known):
            _run_alembic(connection, package)
        session.run("COMMIT")
    except Exception as error:
        session.abandon(error)
        raise
    finally:
        session.close()


def _is_current(connection: Connection, known: list[str]) -> bool:
    if not inspect(connection).has_table(_VERSION.name):
        return False
    revision = connection.execute(select(_VERSION.c.version_num)).scalar()
    if revision is not None and revision not in known:
        raise DatabaseUnavailable(
            f"the database has revision {revision} of the schema, this version knows {known[-1]}"
        )
    return revision == known[-1]


def _run_alembic(connection: Connection, package: str) -> None:
    from alembic import command
    from alembic.config import Config

    parent, _, name = package.rpartition(".")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", f"{parent}:{name}")
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")

"""The database: SQLite in a file or PostgreSQL, off the reactor, with commits shared by many."""

from twisted_aigate.kernel.database.bulk import insert_rows
from twisted_aigate.kernel.database.errors import DatabaseFull, DatabaseUnavailable
from twisted_aigate.kernel.database.service import Database

__all__ = ["Database", "DatabaseFull", "DatabaseUnavailable", "insert_rows"]

"""A PostgreSQL server in a temporary folder, one for all tests of a process."""

from __future__ import annotations

import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from unittest import SkipTest

import psycopg2

from tests.support.lasting import lasting

_START_TIMEOUT = 30
_names = itertools.count()

# Nothing here has to survive; deadlocks are looked for at once.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "deadlock_timeout": "50ms",
    "max_connections": "60",
}


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise SkipTest("NOT TESTED: PostgreSQL is missing: apt-get install postgresql")


class _Server:
    """The server."""

    def __init__(self) -> None:
        programs = _programs()
        self.folder = Path(tempfile.mkdtemp(prefix="aigate-pg-"))
        # It ends with the process of the tests, whatever that one's end, and is never root.
        self._as_other = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            identity = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
            self._as_other += identity
        data = self.folder / "data"
        # The order of a language: what has to be in the order of bytes must say so.
        order = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en"]
        initdb = [programs / "initdb", "-D", data, "-U", "test", "--no-sync", "-A", "trust", *order]
        made = subprocess.run(
            [*self._as_other, *initdb], cwd=self.folder, capture_output=True, check=False
        )
        if made.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise RuntimeError(f"initdb: {made.stderr.decode()}")
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [*self._as_other, programs / "postgres", "-D", data, "-k", self.folder, *settings],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            # Ctrl-C is for the tests.
            start_new_session=True,
        )
        lasting.callback(self._end)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                psycopg2.connect(self.address("postgres")).close()
            except psycopg2.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def address(self, database: str) -> str:
        return f"postgresql://test@/{database}?host={self.folder}"

    def _end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(_START_TIMEOUT)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def _server() -> _Server:
    return _Server()


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run a statement on a connection of its own; what it returns."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def new_database() -> str:
    """
    Make an empty database.

    @return: Its URL.
    @raise SkipTest: There is no PostgreSQL.
    """
    server = _server()
    name = f"test{next(_names)}"
    run(server.address("postgres"), f"CREATE DATABASE {name}")
    return server.address(name)

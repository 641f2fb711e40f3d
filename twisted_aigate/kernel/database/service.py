"""The database, as the reactor sees it."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from twisted_aigate.kernel.database.engines import flavour_of, make_engine
from twisted_aigate.kernel.database.errors import DatabaseUnavailable, translated
from twisted_aigate.kernel.database.jobs import Job, failed
from twisted_aigate.kernel.database.reader import Reader
from twisted_aigate.kernel.database.upgrade import upgrade
from twisted_aigate.kernel.database.writer import Writer

if TYPE_CHECKING:
    from twisted_aigate.kernel.database.lock_session import LockSession

_T = TypeVar("_T")


class Database:
    """
    SQLAlchemy Core on threads: some that read and one that writes.

    What is asked before L{start} is done waits for it.

    @param reactor: Where results are delivered.
    @param url: C{sqlite:////path} or C{postgresql://user@host/database}.
    @param migrations: The name of the package that holds Alembic's environment.
    @raise ValueError: The URL is of no kind of database that we know.
    """

    def __init__(self, reactor: IReactorFromThreads, url: str, migrations: str) -> None:
        self._reactor = reactor
        self._engine = make_engine(url)
        self._migrations = migrations
        self._reads: SimpleQueue[Job | None] = SimpleQueue()
        self._writes: SimpleQueue[Job | None] = SimpleQueue()
        self._stopping = Event()
        self._stopped = False
        self._ends: list[Deferred[None]] = []
        self._threads: list[Thread] = []

    async def start(self) -> None:
        """
        Open the database and bring its schema to the newest revision.

        @raise DatabaseUnavailable: It cannot be opened, or has been used by a newer version.
        """
        try:
            await self._in_thread("migration", self._upgrade)
        except BaseException:
            await self.stop()
            raise
        parts = (self._reactor, self._engine)
        self._begin("writer", Writer(*parts, self._writes, self._stopping).run)
        for number in range(flavour_of(self._engine).readers):
            reader = Reader(*parts, self._reads, self._stopping)
            self._begin(f"reader-{number}", reader.run)

    async def stop(self) -> None:
        """Finish what was asked, refuse what is asked from now on, and close the database."""
        if self._stopped:
            return
        self._stopped = True
        self._stopping.set()
        if self._ends:
            self._writes.put(None)
            for _ in range(flavour_of(self._engine).readers):
                self._reads.put(None)
            await gatherResults(self._ends)
        for thread in self._threads:
            # It has nothing left to do but to end.
            thread.join()
        self._refuse_waiting()
        self._engine.dispose()

    def read(self, work: Callable[[Connection], _T]) -> Deferred[_T]:
        """
        Run C{work} in a thread, in a read-only transaction that sees one state of the database.

        @return: What it returns. It is run again when the connection to a server is lost.
        """
        return self._submit(self._reads, work)

    def write(self, work: Callable[[Connection], _T]) -> Deferred[_T]:
        """
        Run C{work} in the thread that writes.

        It succeeds or fails alone, but shares the commit with others. It may be run more than
        once, when a conflict or a lost connection undid it: it must have no effect but on the
        database.

        @return: What it returns, once that is durable. Cancelling it does not stop the work: who
            cancels cannot know whether it was done.
        """
        return self._submit(self._writes, work)

    def lock_session(self) -> LockSession | None:
        """
        A session for locks that hold across the processes of this database.

        @return: Whoever asks stops it; C{None} with SQLite, whose file one process has.
        """
        if self._engine.dialect.name != "postgresql":
            return None
        # Here, since it imports psycopg2.
        from twisted_aigate.kernel.database.lock_session import LockSession

        parameters = self._engine.dialect.create_connect_args(self._engine.url)[1]
        return LockSession(self._reactor, dict(parameters))

    def _submit(
        self, queue: SimpleQueue[Job | None], work: Callable[[Connection], _T]
    ) -> Deferred[_T]:
        if self._stopped:
            return fail(DatabaseUnavailable("stopped"))
        job = Job(work)
        queue.put(job)
        return job.result

    def _refuse_waiting(self) -> None:
        """Answer those that no thread has answered: there were none."""
        for queue in (self._reads, self._writes):
            while not queue.empty():
                job = queue.get()
                if job is not None:
                    job.result.errback(DatabaseUnavailable("stopped"))

    def _upgrade(self) -> None:
        try:
            upgrade(self._engine, self._migrations)
        except Exception as error:
            ours = translated(error, self._engine.dialect)
            if ours is error:
                raise
            raise ours from error

    def _begin(self, name: str, run: Callable[[], None]) -> None:
        self._ends.append(self._in_thread(name, run))

    def _in_thread(self, name: str, run: Callable[[], None]) -> Deferred[None]:
        ended: Deferred[Any] = Deferred()

        def body() -> None:
            outcome: Failure | None = None
            try:
                run()
            except Exception as error:
                outcome = failed(error)
            self._reactor.callFromThread(ended.callback, outcome)

        # A daemon: nothing is lost that was promised when the process ends without stop().
        thread = Thread(target=body, name=f"database-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return ended

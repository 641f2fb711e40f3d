"""Jobs under test, in memory but for their bodies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.storage import FakeDatabase
from tests.support.streams import RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.interfaces import Posts
from twisted_aigate.jobs import records
from twisted_aigate.jobs.files import JobFiles
from twisted_aigate.jobs.models import Ask, Fields, Job, Owner
from twisted_aigate.jobs.records import JobTable
from twisted_aigate.jobs.run import Workshop
from twisted_aigate.jobs.runner import Runner
from twisted_aigate.jobs.sealing import Seal
from twisted_aigate.jobs.service import Jobs
from twisted_aigate.kernel.secrets import Secret

MASTER = Secret("sk-master")
ALICE = b"sk-alice"


@define
class Posted:
    """
    A call that was made.

    @ivar over: Fires with whether the response is whole.
    """

    target: bytes
    fields: Fields
    client: str
    body: bytes
    begin: Any
    consumer: IConsumer
    over: Deferred[bool]
    cancelled: bool = field(default=False)

    def answer(self, status: int = 200, data: bytes = b"{}", *, whole: bool = True) -> None:
        """Answer it."""
        sent = ((b"Content-Type", b"text/x"), (b"Content-Length", b"7"), (b"X-Model", b"m"))
        self.begin(status, sent)
        self.consumer.write(data)
        self.over.callback(whole)


class FakePosts:
    """
    Answers when the test says so.

    @ivar posted: The calls, in order.
    """

    def __init__(self) -> None:
        self.posted: list[Posted] = []

    def post(
        self, target: bytes, fields: Fields, client: str, body: Any, begin: Any, consumer: IConsumer
    ) -> Deferred[bool]:
        """See L{Posts}."""

        def cancelled(_: Deferred[bool]) -> None:
            posted.cancelled = True

        read = RecordingConsumer()
        body.startProducing(read)
        over: Deferred[bool] = Deferred(cancelled)
        posted = Posted(target, fields, client, read.data, begin, consumer, over)
        self.posted.append(posted)
        return over

    @property
    def bodies(self) -> list[bytes]:
        """What was sent, in order."""
        return [posted.body for posted in self.posted]


class JobsCase(SynchronousTestCase):
    """Has jobs, of which two run at once."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.rightNow = 1000.0
        self.threads: Any = HeldThreads()
        self.database: Any = FakeDatabase(records.metadata)
        self.addCleanup(self.database.close)
        self.folder = Path(self.mktemp())
        self.files = JobFiles(self.folder)
        self.files.start()
        self.posts = FakePosts()
        self.table = JobTable("here")
        self.seal = Seal(MASTER)
        self.alice = self.seal.owner(ALICE)
        self.bob = self.seal.owner(b"sk-bob")
        self.master = self.seal.owner(b"sk-master")
        self.afresh()

    def afresh(self) -> None:
        """Have a service that knows nothing of what was, as after a restart."""
        posts: Posts = self.posts
        workshop = Workshop(
            posts, self.table, self.database, self.files, self.threads, self.seal, self.clock
        )
        self.runner = Runner(workshop, 2)
        kept = (self.table, self.database, self.files, self.threads)
        self.jobs = Jobs(*kept, self.runner, self.seal, self.clock)

    def restart(self) -> None:
        """Start as a new server does."""
        self.afresh()
        self.runner.start(self.database.now(self.table.requeue))

    def result(self, coroutine: Any) -> Any:
        """What a coroutine that is done returns."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def error(self, coroutine: Any, *kinds: type[BaseException]) -> Any:
        """What a coroutine that has failed raises."""
        return self.failureResultOf(Deferred.fromCoroutine(coroutine), *kinds).value

    def ask(self, request_id: str = "r1") -> Ask:
        return Ask(b"/v1/x?a=b", ((b"content-type", b"text/plain"),), "192.0.2.1", request_id)

    def take(self, data: bytes, owner: Owner | None = None) -> Job:
        """Send a job."""

        def deliver(consumer: IConsumer) -> Deferred[None]:
            consumer.write(data)
            return succeed(None)

        job: Job = self.result(self.jobs.take(owner or self.alice, self.ask(), deliver))
        # No two come in one moment.
        self.clock.advance(0.125)
        return job

    def status(self, job: Job) -> str:
        """A job's status, as everyone sees it."""
        found: Job = self.result(self.jobs.find(self.master, job.id))
        return found.status

    def content(self, job: Job) -> bytes:
        """A response's body."""
        found = self.result(self.jobs.find(self.master, job.id))
        body = self.result(self.jobs.content(found))
        read = RecordingConsumer()
        self.successResultOf(body.startProducing(read))
        return read.data

    def there(self) -> list[str]:
        """What lies on the disk."""
        return sorted(path.name for path in self.folder.iterdir())

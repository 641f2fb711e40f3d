"""Storage under test, in memory: its database, its clock, and boto3 without a socket."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import msgspec
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from sqlalchemy import Connection, MetaData, StaticPool, create_engine
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.answers import Answer, parse_answers
from tests.support.edge import Wire
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.locks import KeyedLocks
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.units import Rate
from twisted_aigate.storage.access import AccessKeys
from twisted_aigate.storage.blobs.files import FileBlobs
from twisted_aigate.storage.buckets import MASTER, AccessKey
from twisted_aigate.storage.metadata import schema
from twisted_aigate.storage.models import Bucket
from twisted_aigate.storage.registry import BucketRegistry
from twisted_aigate.storage.routes import Callers, StorageAPI, render_plain_error, storage_routes
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.service import ObjectStore
from twisted_aigate.storage.uploads import MultipartUploads
from twisted_aigate.web.proxies import ClientAddresses, Network
from twisted_aigate.web.ratelimit import RateLimiter
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Site, Tree

UPLOADS = Bucket("uploads", "uploads", True, 3600.0, 1000, 0.0, configured=True)
PRIVATE = Bucket("private", "private", False, 0.0, 0, 0.0, configured=True)

MASTER_KEY = AccessKey("master", Secret("sk-master"), MASTER, master=True)
UPLOADS_KEY = AccessKey("uploads", Secret("sk-uploads"), "uploads", "uploads")
PRIVATE_KEY = AccessKey("private", Secret("sk-private"), "private", "private")
ALICE = AccessKey("AKALICE", Secret("sk-alice"), "alice")
BOB = AccessKey("AKBOB", Secret("sk-bob"), "bob")
KEYS = (MASTER_KEY, UPLOADS_KEY, PRIVATE_KEY, ALICE, BOB)


def plain_digester() -> Digester:
    """A digester of bytes of which nothing was announced."""
    return Digester(Announced())


class FakeDatabase:
    """
    Stands in for L{twisted_aigate.kernel.database.Database}: the real schema, in memory.

    @param metadata: The schema.
    @ivar threads: Where it works; held, nothing is done before the test says so.
    @ivar refuse: Raised in place of doing the next things, one after the other.
    @ivar lose: Raised after the next things were done, one after the other.
    """

    def __init__(self, metadata: MetaData = schema.metadata) -> None:
        self.threads = HeldThreads()
        self.refuse: list[Exception] = []
        self.lose: list[Exception] = []
        self._engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        metadata.create_all(self._engine)

    def read(self, work: Callable[[Connection], Any]) -> Deferred[Any]:
        """Run C{work}."""
        return self.threads.run(self.now, work)

    write = read

    def now(self, work: Callable[[Connection], Any]) -> Any:
        """Run C{work} at once, in a transaction."""
        if self.refuse:
            raise self.refuse.pop(0)
        with self._engine.begin() as connection:
            result = work(connection)
        if self.lose:
            raise self.lose.pop(0)
        return result

    def close(self) -> None:
        """Forget everything."""
        self._engine.dispose()


class StorageCase(SynchronousTestCase):
    """
    Has a store, its buckets and its uploads.

    @ivar clock: The time, which begins now: boto3 signs with it.
    @ivar threads: Where bytes are worked on; at once, as long as they are not held.
    @ivar folder: Where bytes lie.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.rightNow = float(int(time.time()))
        self.threads = HeldThreads()
        self.database = FakeDatabase()
        self.addCleanup(self.database.close)
        self.folder = Path(self.mktemp())
        self.blobs: Any = FileBlobs(self.folder)
        self.blobs.start()
        self.locks: KeyedLocks[tuple[str, str]] = KeyedLocks(self.clock, 30.0, 300.0, 100)
        database, threads = self.fakes()
        self.store = ObjectStore(database, self.blobs, threads, self.locks, self.clock)
        # Small objects are tested by themselves: the bytes of all others are blobs.
        self.store.most_inline = None
        self.uploads = MultipartUploads(self.store)
        self.buckets = BucketRegistry((UPLOADS, PRIVATE), database)

    def fakes(self) -> tuple[Any, Any]:
        """The database and the threads, as what they stand in for."""
        return self.database, self.threads

    def result(self, coroutine: Any) -> Any:
        """What a coroutine that is done returns."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def error(self, coroutine: Any, *kinds: type[BaseException]) -> Any:
        """What a coroutine that has failed raises."""
        return self.failureResultOf(Deferred.fromCoroutine(coroutine), *kinds).value

    def blob_files(self) -> list[str]:
        """The names of the blobs that there are, on the way or not."""
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())


class SiteCase(StorageCase):
    """
    Has storage's tree on a site, as L{twisted_aigate.platform.storage.StoragePart} builds it.

    @ivar limiter: Its rate limit.
    @ivar trusted: The proxies that it trusts.
    """

    limiter: RateLimiter | None = None
    always_s3 = False
    prefix = "/storage"
    trusted: tuple[Network, ...] = ()

    def setUp(self) -> None:
        super().setUp()
        self.site = self.make_site()

    def make_site(self, rate: Rate | None = None, burst: int = 0) -> Site:
        """A site, with a rate limit or without."""
        callers = Callers(AccessKeys(KEYS), self.store.now, always_s3=self.always_s3)
        api = StorageAPI(self.store, self.uploads, self.buckets, self.prefix)
        limiter = None if rate is None else RateLimiter(rate, burst, self.clock)
        tree = Tree(
            self.prefix[1:].encode(), storage_routes(api, callers), render_plain_error, limiter,
            frozenset((b"/health",)), 600.0, callers.errors_for,
        )  # fmt: skip
        trees = [tree]
        if self.prefix:
            trees.append(Tree(b"", Router(), render_plain_error, None, frozenset(), 600.0))
        return Site(trees, ClientAddresses(self.trusted), self.clock)

    def wire(self) -> Wire:
        """A connection."""
        return Wire(self.site, self.clock)

    def request(
        self, method: str, path: str, body: bytes = b"", *, key: str = "", **fields: str
    ) -> Answer:
        """
        The answer to a plain request.

        @param path: Below the prefix.
        @param key: The Bearer token.
        @param fields: Header fields, C{_} for C{-}.
        """
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", "Host: test:4000"]
        if key:
            lines.append(f"Authorization: Bearer {key}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        if body or method in ("PUT", "POST"):
            lines.append(f"Content-Length: {len(body)}")
        wire = self.wire()
        wire.send("\r\n".join((*lines, "", "")).encode("latin-1") + body)
        return wire.answer(to_head=method == "HEAD")

    def json(self, answer: Answer, status: int = 200) -> Any:
        """The value of an answer in JSON."""
        self.assertEqual(
            (answer.status, answer.field("content-type")), (status, "application/json")
        )
        return msgspec.json.decode(answer.body)

    def boto3(self, key: AccessKey = MASTER_KEY, **s3: Any) -> Any:
        """A client of boto3 that calls the site."""
        client = boto3.client(
            "s3",
            endpoint_url=f"http://test:4000{self.prefix}",
            aws_access_key_id=key.public,
            aws_secret_access_key=key.secret.reveal(),
            region_name="us-east-1",
            config=Config(
                signature_version=s3.pop("signature_version", "s3v4"),
                s3={"addressing_style": "path", **s3},
                retries={"total_max_attempts": 1},
            ),
        )
        client.meta.events.register("before-send.s3", self._send)
        return client

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = request.body or b""
        if not isinstance(body, bytes | bytearray):
            body = body.read()
        target = request.url.split("test:4000", 1)[1].encode()
        fields = [(name, _raw(value)) for name, value in request.headers.items()]
        names = {name.lower() for name, _ in fields}
        if "host" not in names:
            fields.append(("Host", b"test:4000"))
        if "transfer-encoding" in names:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif "content-length" not in names and body:
            fields.append(("Content-Length", b"%d" % len(body)))
        head = [b"%b %b HTTP/1.1" % (request.method.encode(), target)]
        head += [b"%b: %b" % (name.encode(), value) for name, value in fields]
        wire = self.wire()
        wire.send(b"\r\n".join((*head, b"", b"")) + bytes(body))
        sent = bytes(wire.transport.sent)
        answers = parse_answers(sent, to_head=request.method == "HEAD")
        (answer,) = [each for each in answers if each.status >= 200]
        return AWSResponse(request.url, answer.status, dict(answer.fields), _Raw(answer.body))


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8")


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()

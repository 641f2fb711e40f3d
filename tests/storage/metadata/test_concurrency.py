"""Two processes that write the same at once, as PostgreSQL lets them: no blob is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from sqlalchemy import Connection
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.metadata.examples import blob, part, stored, upload
from tests.support import postgresql
from twisted_aigate.kernel.database.engines import flavour_of, make_engine
from twisted_aigate.kernel.database.sessions import Session
from twisted_aigate.kernel.database.upgrade import upgrade
from twisted_aigate.storage.metadata import garbage, objects, uploads

_TIMEOUT = 10


class TwoProcessesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.url = postgresql.new_database()
        self.engine = make_engine(self.url)
        upgrade(self.engine, "twisted_aigate.migrations")
        self.first, self.second = (
            Session(self.engine, flavour_of(self.engine).writing) for _ in range(2)
        )
        self.pool = ThreadPoolExecutor(1)
        self.addCleanup(self.pool.shutdown)
        for session in (self.first, self.second):
            self.addCleanup(session.close)

    def commit(self, work: Callable[[Connection], Any]) -> Any:
        result = work(self.first.begin())
        self.first.run("COMMIT")
        return result

    def overlapping(
        self, first: Callable[[Connection], Any], second: Callable[[Connection], Any]
    ) -> tuple[Any, Any]:
        """The second begins when the first is done but has not committed, and waits for it."""

        def run_second() -> Any:
            result = second(self.second.begin())
            self.second.run("COMMIT")
            return result

        result = first(self.first.begin())
        running = self.pool.submit(run_second)
        self.wait_until_blocked(running)
        self.first.run("COMMIT")
        return result, running.result(_TIMEOUT)

    def wait_until_blocked(self, running: Future[Any]) -> None:
        blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
        for _ in range(1000):
            if postgresql.run(self.url, blocked):
                return
            self.assertFalse(running.done())
        self.fail("it did not wait")

    def garbage(self) -> set[str]:
        return set(self.commit(lambda conn: garbage.take(conn, 100)))

    def test_two_put_the_same_new_key(self) -> None:
        for blobs in ((blob(),), (blob(), blob())):
            key = str(len(blobs))
            one, two = stored(key, *blobs), stored(key)
            self.overlapping(partial(objects.put, obj=one), partial(objects.put, obj=two))
            found = self.commit(partial(objects.get, bucket="bucket", key=key, now=0))
            self.assertEqual(found, two)
            self.assertTrue(self.garbage() >= {ref.id for ref in blobs})

    def test_one_deletes_what_the_other_replaces(self) -> None:
        one, two = stored("key"), stored("key")
        self.commit(lambda conn: objects.put(conn, one))
        results = self.overlapping(
            lambda conn: objects.delete(conn, "bucket", "key"),
            lambda conn: objects.put(conn, two),
        )
        self.assertEqual(results, (True, None))
        self.assertEqual(self.commit(lambda conn: objects.get(conn, "bucket", "key", 0)), two)
        self.assertEqual(self.garbage(), {one.blobs[0].id})

    def test_a_part_comes_while_the_upload_is_aborted(self) -> None:
        self.commit(lambda conn: uploads.create(conn, upload("1")))
        results = self.overlapping(
            lambda conn: uploads.abort(conn, "1"), lambda conn: uploads.put_part(conn, "1", part(1))
        )
        self.assertEqual(results, (True, False))
        self.assertEqual(self.commit(lambda conn: uploads.list_parts(conn, "1", 0, 10)), [])

    def test_an_upload_is_aborted_while_a_part_comes(self) -> None:
        self.commit(lambda conn: uploads.create(conn, upload("1")))
        one = part(1)
        results = self.overlapping(
            lambda conn: uploads.put_part(conn, "1", one), lambda conn: uploads.abort(conn, "1")
        )
        self.assertEqual(results, (True, True))
        self.assertEqual(self.commit(lambda conn: uploads.list_parts(conn, "1", 0, 10)), [])
        self.assertEqual(self.garbage(), {one.blob.id})

    def test_two_complete_the_same_upload(self) -> None:
        self.commit(lambda conn: uploads.create(conn, upload("1")))
        obj = stored("key")

        def work(conn: Connection) -> bool:
            return uploads.complete(conn, "1", obj, [])

        self.assertEqual(self.overlapping(work, work), (True, False))
        self.assertEqual(self.garbage(), set())

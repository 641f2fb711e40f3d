"""
What fails on the way of an object: the disk, the database, the client.

Whatever it is, the object that was there is there, and nothing is left behind: no file, no lock, no
pin, no open descriptor.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.storage.faults import (
    BUCKET,
    NEW,
    OLD,
    FaultsTestCase,
    Fed,
    Gate,
    GatedDigester,
    Streamed,
    no_space,
)
from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.kernel.database.sessions import Session
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.models import StoredObject
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders


class DiskTests(FaultsTestCase):
    """The disk is full, or fails."""

    async def check_refused(self) -> None:
        with self.assertRaises(OSError) as raised:
            await self.put(NEW)
        self.assertEqual(raised.exception.errno, errno.ENOSPC)
        self.blobs.faults.clear()
        await self.check_clean(OLD)
        await self.put(NEW)
        await self.check_clean(NEW)

    async def test_no_room_for_the_file(self) -> None:
        self.blobs.faults["create"] = no_space
        await self.check_refused()

    async def test_no_room_for_the_bytes(self) -> None:
        self.blobs.faults["write"] = no_space
        await self.check_refused()

    async def test_no_room_when_synced(self) -> None:
        self.blobs.faults["finish"] = no_space
        await self.check_refused()

    async def test_no_room_when_settled(self) -> None:
        """It is stored by then: it stays on its way until the next start."""
        self.blobs.faults["settle"] = no_space
        stored = await self.put(NEW)
        await self.until(lambda: bool(self.flushLoggedErrors(OSError)), "it was not logged")
        self.assertEqual(await self.body(), NEW)
        self.assertEqual(self.files("incoming"), {stored.blobs[0].id})
        self.blobs.faults.clear()
        self.assertEqual(self.blobs.start(), [stored.blobs[0].id])
        self.blobs.settle([stored.blobs[0].id])
        await self.check_clean(NEW)

    async def test_deleted_while_it_is_settled(self) -> None:
        """Whichever comes first, the file is gone."""
        reference = self.blobs.create().finish()
        unlink, settled = Path.unlink, []

        def then_settle(path: Path, missing_ok: bool = False) -> None:
            unlink(path, missing_ok)
            if not settled:
                settled.append(path)
                self.blobs.settle([reference.id])

        self.patch(Path, "unlink", then_settle)
        self.blobs.delete([reference.id])
        await self.check_clean(OLD)


class CommitTests(FaultsTestCase):
    """The database does not take it."""

    def fail_commits(self, error: Exception, *, after: bool = False) -> None:
        """One commit fails, before or after it was done."""
        run, failed = Session.run, []

        def fails(session: Session, statement: str) -> None:
            if statement == "COMMIT" and not failed and session._access.begin != "BEGIN":
                failed.append(statement)
                if after:
                    run(session, statement)
                raise error
            run(session, statement)

        self.patch(Session, "run", fails)

    async def test_full(self) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        self.fail_commits(error)
        with self.assertRaises(DatabaseFull):
            await self.put(NEW)
        await self.check_clean(OLD)

    async def test_fails(self) -> None:
        self.fail_commits(sqlite3.OperationalError("disk I/O error"))
        with self.assertRaises(DatabaseUnavailable):
            await self.put(NEW)
        await self.check_clean(OLD)

    async def test_fails_and_was_done(self) -> None:
        """A server that is lost in a commit may have done it: then the bytes must be there."""
        error = sqlite3.OperationalError("the connection is lost")
        self.fail_commits(error, after=True)
        with self.assertRaises(DatabaseUnavailable):
            await self.put(NEW)
        await self.check_clean(NEW)

    async def test_few_bytes(self) -> None:
        """They are in the very transaction: there is nothing else to remove, or to keep."""
        self.fail_commits(sqlite3.OperationalError("disk I/O error"))
        with self.assertRaises(DatabaseUnavailable):
            await self.put(b"few")
        await self.check_clean(OLD)
        self.fail_commits(sqlite3.OperationalError("the connection is lost"), after=True)
        with self.assertRaises(DatabaseUnavailable):
            await self.put(b"few")
        await self.check_clean(b"few")

    async def test_stopped(self) -> None:
        """What comes after the end is refused; a file that is left is for the next start."""
        await self.database.stop()
        with self.assertRaises(DatabaseUnavailable):
            await self.put(NEW)
        await self.drained()
        self.flushLoggedErrors(DatabaseUnavailable)
        self.assertEqual(len(self.files("blobs")), 1)
        self.assertLessEqual(self.files("incoming"), set(self.blobs.start()))

    async def test_condition_does_not_hold(self) -> None:
        def refuse(found: StoredObject | None) -> None:
            raise S3Error(ErrorCode.PreconditionFailed)

        with self.assertRaises(S3Error):
            await self.store.put(
                BUCKET, "key", source_of(NEW), ObjectHeaders(), Digester(Announced()),
                condition=refuse,
            )  # fmt: skip
        await self.check_clean(OLD)


class CancelledTests(FaultsTestCase):
    """The client leaves."""

    async def leave(self, putting: Deferred[Any]) -> None:
        putting.cancel()
        with self.assertRaises(CancelledError):
            await putting
        self.assertEqual(len(self.locks), 0)

    async def test_before_the_first_byte(self) -> None:
        await self.leave(self.put(Fed()))
        await self.check_clean(OLD)

    async def test_between_bytes(self) -> None:
        source = Fed()
        putting = self.put(source)
        source.consumer.write(NEW)
        await self.until(lambda: bool(self.files("incoming")), "nothing was written")
        await self.leave(putting)
        await self.check_clean(OLD)

    async def test_connection_lost_between_bytes(self) -> None:
        source = Fed()
        putting = self.put(source)
        source.consumer.write(NEW)
        source.done.errback(ConnectionResetError())
        with self.assertRaises(ConnectionResetError):
            await putting
        await self.check_clean(OLD)

    async def test_while_a_thread_writes(self) -> None:
        await self.check_left_at("write")

    async def test_while_a_thread_makes_the_file(self) -> None:
        await self.check_left_at("create")

    async def test_while_a_thread_syncs(self) -> None:
        await self.check_left_at("finish")

    async def check_left_at(self, stage: str) -> None:
        self.store.most_inline = None
        for source in (NEW, Streamed(NEW), b"", Streamed(b"")):
            if stage == "write" and source == b"":
                break  # Nothing is written then.
            gate = Gate()
            self.blobs.faults[stage] = gate.pass_through
            await self.check_left_in_thread(self.put(source), gate)

    async def test_while_a_thread_verifies(self) -> None:
        """The file of an empty object is not there yet."""
        self.store.most_inline = None
        for source in (NEW, Streamed(NEW), b"", Streamed(b"")):
            gate = Gate()
            await self.check_left_in_thread(self.put(source, GatedDigester(gate)), gate)

    async def test_while_a_thread_verifies_few_bytes(self) -> None:
        """Whose number was not known."""
        gate = Gate()
        putting = self.put(Streamed(b"few"), GatedDigester(gate))
        await self.check_left_in_thread(putting, gate)

    async def test_while_few_bytes_come(self) -> None:
        source = Fed()
        source.length = 10
        putting = self.put(source)
        source.consumer.write(b"few")
        await self.leave(putting)
        await self.check_clean(OLD)

    async def test_while_few_bytes_are_committed(self) -> None:
        """They are there all the same."""
        gate = Gate()
        held = self.database.write(lambda _: gate.pass_through())
        await self.until(lambda: gate.reached, "it was not reached")
        putting = self.put(b"few")
        await self.leave(putting)
        gate.open()
        await held
        await self.database.write(lambda _: None)
        await self.check_clean(b"few")

    async def check_left_in_thread(self, putting: Deferred[StoredObject], gate: Gate) -> None:
        await self.until(lambda: gate.reached, "it was not reached")
        await self.leave(putting)
        # All that leaving has set off and that does not wait for the thread is done by then.
        for _ in range(20):
            await self.threads.run(int)
        gate.open()
        await self.drained()
        await self.check_clean(OLD)

    async def test_while_it_is_committed(self) -> None:
        """What was begun is ended: the object is there, and its file at its place."""
        gate = Gate()
        held = self.database.write(lambda _: gate.pass_through())
        await self.until(lambda: gate.reached, "it was not reached")
        putting = self.put(NEW)
        await self.until(lambda: bool(self.database._writes.qsize()), "it is not committed")
        await self.leave(putting)
        gate.open()
        await held
        await self.until(lambda: self.files("incoming") == set(), "it is not settled")
        await self.check_clean(NEW)

    async def test_while_it_waits_for_the_lock(self) -> None:
        source = Fed()
        first = self.put(source)
        second = self.put(NEW)
        second.cancel()
        with self.assertRaises(CancelledError):
            await second
        source.consumer.write(b"first")
        source.done.callback(None)
        await first
        await self.check_clean(b"first")

"""What is read in one process is not removed by another."""

from __future__ import annotations

from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock

from tests.support.locks import PostgreSQLTestCase
from twisted_aigate.kernel.database.lock_session import SessionLost
from twisted_aigate.storage.shared_pins import SharedPins


class SharedPinsTests(PostgreSQLTestCase):
    """Two processes, whose clocks are the same."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.pins = [SharedPins(session, self.clock) for session in self.sessions]

    async def told(self) -> None:
        """Both sessions have done what they were asked."""
        await gatherResults([session.ask("1") for session in self.sessions])

    async def test_nobody_reads(self) -> None:
        self.assertEqual(await self.pins[0].unread(["a", "b"]), ["a", "b"])
        self.assertEqual(len(self.pins[0]), 0)

    async def test_this_process_reads(self) -> None:
        """That blob stays, and no other."""
        self.pins[0].add(["a", "b"])
        self.assertEqual(await self.pins[0].unread(["a", "b", "c"]), ["c"])
        self.pins[0].remove(["a", "b"])
        self.assertEqual(await self.pins[0].unread(["a", "b"]), ["a", "b"])

    async def test_another_reads(self) -> None:
        """What was garbage before it began goes, what became so later stays until it is done."""
        self.assertEqual(await self.pins[0].unread([]), [])
        self.pins[1].add(["x"])
        await self.told()
        self.assertEqual(await self.pins[0].unread(["a"]), [])
        self.assertEqual(len(self.pins[0]), 1)
        self.clock.advance(3600)
        self.assertEqual(await self.pins[0].unread(["a", "b"]), [])
        self.pins[1].remove(["x"])
        await self.told()
        self.assertEqual(await self.pins[0].unread(["a", "b"]), ["a", "b"])

    async def test_readers_without_end(self) -> None:
        """Garbage that is older than all who read now goes, though there is always one."""
        self.pins[1].add(["x"])
        await self.told()
        self.assertEqual(await self.pins[0].unread(["a"]), [])
        self.clock.advance(100)
        self.pins[1].add(["x"])
        self.pins[1].remove(["x"])
        await self.told()
        self.assertEqual(await self.pins[0].unread(["a", "b"]), ["a"])

    async def test_clocks_differ(self) -> None:
        """A reader whose clock is fast began before the garbage all the same."""
        fast = Clock()
        fast.advance(self.clock.seconds() + 59)
        other = self.session()
        pins = SharedPins(other, fast)
        pins.add(["x"])
        await other.ask("1")
        self.assertEqual(await self.pins[0].unread(["a"]), [])

    async def test_reader_without_end(self) -> None:
        """Who reads for more than six hours keeps nothing."""
        self.pins[1].add(["x"])
        await self.told()
        self.clock.advance(6 * 3600)
        self.assertEqual(await self.pins[0].unread(["a"]), [])
        self.clock.advance(11)
        self.assertEqual(await self.pins[0].unread(["a"]), ["a"])

    async def test_process_ends(self) -> None:
        self.pins[1].add(["x"])
        await self.told()
        self.sessions[1].stop()
        await self.until(lambda: self.advisory_locks() == 0)
        self.assertEqual(await self.pins[0].unread(["a"]), ["a"])

    async def test_session_is_lost(self) -> None:
        """The next one has them again."""
        self.pins[1].add(["x"])
        await self.told()
        with self.assertRaises(SessionLost):
            await self.sessions[1].ask("1 / (length('x') - 1)")
        await self.told()
        self.assertEqual(await self.pins[0].unread(["a"]), [])
        self.pins[1].remove(["x"])
        await self.told()
        self.assertEqual(self.advisory_locks(), 0)

    async def test_one_lock_an_epoch(self) -> None:
        """However many read however much."""
        for _ in range(50):
            self.pins[0].add(str(number) for number in range(100))
        await self.told()
        self.assertEqual(self.advisory_locks(), 1)
        for _ in range(50):
            self.pins[0].remove(str(number) for number in range(100))
        await self.told()
        self.assertEqual(self.advisory_locks(), 0)

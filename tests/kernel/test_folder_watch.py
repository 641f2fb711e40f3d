"""Being told that a file has grown, with the kernel's own word."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.support.reactor import open_descriptors, turn
from twisted_aigate.kernel.folder_watch import FolderWatch


class Told:
    """A subscriber."""

    def __init__(self) -> None:
        self.count = 0
        self._next: Deferred[None] = Deferred()

    def __call__(self) -> None:
        self.count += 1
        told, self._next = self._next, Deferred()
        told.callback(None)

    @property
    def next(self) -> Deferred[None]:
        """Fires at the next time."""
        return self._next


class FolderWatchTests(TestCase):
    timeout = 20

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        from twisted.internet import reactor

        await turn(reactor)
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.descriptors = open_descriptors()
        self.watch = FolderWatch(reactor, self.folder)
        self.watch.start()

    def tearDown(self) -> None:
        self.watch.stop()
        self.assertEqual(open_descriptors(), self.descriptors)

    def append(self, name: str | bytes) -> None:
        with open(os.path.join(os.fsencode(self.folder), os.fsencode(name)), "ab") as file:
            file.write(b"x")

    async def test_told_of_each_change(self) -> None:
        told = Told()
        self.watch.subscribe("a", told)
        for _ in range(3):
            growing = told.next
            self.append("a")
            await growing

    async def test_told_of_no_other_file(self) -> None:
        told, other = Told(), Told()
        self.watch.subscribe("a", told)
        self.watch.subscribe("b", other)
        growing = other.next
        self.append("aa")
        self.append("c")
        self.append("b")
        await growing
        self.assertEqual(told.count, 0)

    async def test_a_file_that_is_taken_away_and_made_anew(self) -> None:
        told = Told()
        self.watch.subscribe("a", told)
        growing = told.next
        self.append("a")
        await growing
        for replace in (self.unlink, self.rename):
            replace()
            growing = told.next
            self.append("a")
            await growing

    def unlink(self) -> None:
        (self.folder / "a").unlink()

    def rename(self) -> None:
        (self.folder / "new").touch()
        (self.folder / "new").rename(self.folder / "a")

    async def test_several_of_one_file_and_one_leaves(self) -> None:
        first, second = Told(), Told()
        end = self.watch.subscribe("a", first)
        self.watch.subscribe("a", second)
        growing, growing_too = first.next, second.next
        self.append("a")
        await growing
        await growing_too
        self.assertEqual((first.count, second.count), (1, 1))
        end()
        end()
        growing = second.next
        self.append("a")
        await growing
        self.assertEqual(first.count, 1)

    async def test_one_that_leaves_when_it_is_told(self) -> None:
        second = Told()

        def leave() -> None:
            end()

        end = self.watch.subscribe("a", leave)
        self.watch.subscribe("a", second)
        growing = second.next
        self.append("a")
        await growing
        self.assertEqual(second.count, 1)

    async def test_names_that_are_no_text(self) -> None:
        told = Told()
        self.watch.subscribe("a", told)
        growing = told.next
        self.append(b"\xff")
        self.append("a")
        await growing

    async def test_nobody_is_told_after_the_end(self) -> None:
        told = Told()
        end = self.watch.subscribe("a", told)
        self.append("a")
        self.watch.stop()
        self.watch.stop()
        end()
        self.assertEqual(told.count, 0)

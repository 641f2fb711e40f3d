"""What of a file is in memory."""

from __future__ import annotations

import mmap
import os
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.page_cache import cached, fetch

PAGE = mmap.PAGESIZE


class CachedTests(SynchronousTestCase):
    """Never more than there is."""

    def setUp(self) -> None:
        self.descriptor = os.open(self.mktemp(), os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, self.descriptor)
        os.write(self.descriptor, b"x" * 64 * PAGE)

    def forget(self) -> None:
        """Have the kernel drop the file from its memory."""
        os.fsync(self.descriptor)
        os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        if cached(self.descriptor, 0, PAGE):
            raise SkipTest("NOT TESTED: this file system keeps its files in memory")

    def test_what_was_written(self) -> None:
        """All of it, from any byte on."""
        for offset, size in ((0, 64 * PAGE), (0, 1), (5, PAGE), (3 * PAGE - 1, 2), (PAGE, PAGE)):
            self.assertEqual(cached(self.descriptor, offset, size), size, (offset, size))

    def test_behind_the_end(self) -> None:
        """There is nothing."""
        self.assertEqual(cached(self.descriptor, 64 * PAGE, 10), 0)
        self.assertEqual(cached(self.descriptor, 64 * PAGE - 5, PAGE), 5)

    def test_no_file(self) -> None:
        """What has no pages has none in memory."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        self.assertEqual(cached(reading, 0, 10), 0)

    def test_up_to_a_gap(self) -> None:
        """Bytes behind one that is missing do not count."""
        self.forget()
        os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        os.pread(self.descriptor, 2 * PAGE, 0)
        os.pread(self.descriptor, PAGE, 10 * PAGE)
        self.assertEqual(cached(self.descriptor, 0, 64 * PAGE), 2 * PAGE)
        self.assertEqual(cached(self.descriptor, 100, 64 * PAGE - 100), 2 * PAGE - 100)
        self.assertEqual(cached(self.descriptor, 2 * PAGE, PAGE), 0)
        self.assertEqual(cached(self.descriptor, 10 * PAGE + 7, PAGE), PAGE - 7)

    def test_fetched(self) -> None:
        """What was asked for comes into memory."""
        self.forget()
        fetch(self.descriptor, 0, 64 * PAGE)
        # Reading the last byte waits for the disk.
        os.pread(self.descriptor, 1, 64 * PAGE - 1)
        self.assertEqual(cached(self.descriptor, 63 * PAGE, PAGE), PAGE)

"""A small file system of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from unittest import SkipTest

_AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")


class SmallDisk:
    """
    A file system that is full soon.

    @raise SkipTest: We may not mount one.
    @ivar folder: Where it is.
    """

    def __init__(self, size: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aigate-small-"))
        options = f"size={size},mode=0777"
        mounting = (*_AS_ROOT, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder))
        try:
            subprocess.run(mounting, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.folder.rmdir()
            said = getattr(error, "stderr", b"") or str(error).encode()
            raise SkipTest(f"NOT TESTED: mount is not permitted: {said!r}") from None

    @property
    def free(self) -> int:
        """Bytes that are left."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self) -> Path:
        """Take all that is left; the file that takes it."""
        path = self.folder / "junk"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                try:
                    os.write(descriptor, bytes(max(1, min(self.free, 1024 * 1024))))
                except OSError:
                    return path
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Remove it."""
        subprocess.run((*_AS_ROOT, "umount", str(self.folder)), check=True)
        self.folder.rmdir()

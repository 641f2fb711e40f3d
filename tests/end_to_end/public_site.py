"""Pages on a public address, in a network of their own on this machine."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import SkipTest

from tests.end_to_end.browser_pages import Pages

_CLONE_NEWNET = 0x40000000
_HERE, _THERE = "11.22.33.1", "11.22.33.2"
"""Public addresses; nobody is reached at them from here but the other side of the cable."""


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class PublicSite:
    """
    The pages, behind a cable (veth(4)) that leads to another network namespace.

    @raise SkipTest: This user may not make one.
    """

    def __init__(self) -> None:
        self._name = f"aigate{os.getpid()}"
        # A thread has a network namespace of its own, and threads that it starts are in it too.
        self._there = ThreadPoolExecutor(1)
        try:
            thread = self._there.submit(_leave).result()
            _ip("link", "add", self._name, "type", "veth", "peer", "name", "far")
            _ip("link", "set", "far", "netns", str(thread))
            _ip("address", "add", f"{_HERE}/30", "dev", self._name)
            _ip("link", "set", self._name, "up")
            self.pages = self._there.submit(_listen).result()
        except (OSError, subprocess.CalledProcessError) as error:
            self._there.shutdown()
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                _ip("link", "delete", self._name)
            raise SkipTest(f"no network of its own: {error}") from None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{_THERE}:{self.pages.port}"

    def stop(self) -> None:
        """Answer no more, and take the cable away."""
        self.pages.stop()
        self._there.shutdown()
        _ip("link", "delete", self._name)


def _leave() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return threading.get_native_id()


def _listen() -> Pages:
    _ip("address", "add", f"{_THERE}/30", "dev", "far")
    _ip("link", "set", "far", "up")
    return Pages(_THERE)

"""The real reactor, where a test needs it, and what it has open."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred


async def turn(reactor: Any) -> None:
    """Wait for the reactor's next turn: what it opens for itself is open then."""
    turned: Deferred[None] = Deferred()
    reactor.callLater(0, turned.callback, None)
    await turned


def open_descriptors() -> Counter[str]:
    """What this process has open, by what it leads to."""
    found: Counter[str] = Counter()
    for name in os.listdir("/proc/self/fd"):
        # The folder's own is closed by now.
        with contextlib.suppress(FileNotFoundError):
            found[os.readlink(f"/proc/self/fd/{name}")] += 1
    return found

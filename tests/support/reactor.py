"""The real reactor, where a test needs it, and what it has open."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.task import deferLater

_PATIENCE = 30.0


async def turn(reactor: Any) -> None:
    """Wait for the reactor's next turn: what it opens for itself is open then."""
    await deferLater(reactor, 0)


async def turn_until(reactor: Any, holds: Callable[[], Any], what: str) -> None:
    """
    Have the reactor turn until something holds, which threads or other processes see to.

    @param what: What to say when it does not come.
    """
    deadline = reactor.seconds() + _PATIENCE
    while not holds():
        if reactor.seconds() > deadline:
            raise AssertionError(what)
        await deferLater(reactor, 0.005)


def open_descriptors() -> Counter[str]:
    """What this process has open, by what it leads to."""
    found: Counter[str] = Counter()
    for name in os.listdir("/proc/self/fd"):
        # The folder's own is closed by now.
        with contextlib.suppress(FileNotFoundError):
            found[os.readlink(f"/proc/self/fd/{name}")] += 1
    return found

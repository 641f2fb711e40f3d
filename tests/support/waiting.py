"""Waiting for what no event tells of: processes, descriptors, files."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_PATIENCE = 30.0


def eventually(
    holds: Callable[[], Any], what: Callable[[], Any] | str, seconds: float = _PATIENCE
) -> Any:
    """
    Wait until something holds.

    @param what: What to say when it does not come.
    @return: What C{holds} gave that was true.
    """
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(what if isinstance(what, str) else what())
        time.sleep(0.02)
    return found

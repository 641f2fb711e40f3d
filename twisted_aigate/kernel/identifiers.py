"""Request ids: one a request, carried by every response and every log line about it."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

_ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")

current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)
"""The id of the request that the running code works for; coroutines inherit it."""


def request_id(offered: bytes | None) -> str:
    """
    The id of a request.

    @param offered: The client's own C{X-Request-Id}, if it sent one.
    @return: The client's, when it is 1 to 64 of C{A-Z a-z 0-9 . _ -}; otherwise a fresh UUID4
        as 32 hex digits.
    """
    if offered is not None and _ACCEPTED.fullmatch(offered):
        return offered.decode("ascii")
    return uuid.uuid4().hex

"""How long cloudflared is left alone before it is started anew."""

from __future__ import annotations

from random import Random

from twisted_aigate.kernel.units import MINUTE, SECOND

_FIRST = 1 * SECOND
_JITTER = 0.25

LONGEST_WAIT = 5 * MINUTE
"""Cloudflare refuses who asks for quick tunnels too often."""


def wait_before(attempt: int, random: Random) -> float:
    """
    Seconds to wait: doubled each time, with jitter.

    @param attempt: How many times in a row it has ended, from 1.
    """
    backoff: float = min(_FIRST * 2.0 ** min(attempt - 1, 16), LONGEST_WAIT)
    return backoff * (1 - _JITTER * random.random())

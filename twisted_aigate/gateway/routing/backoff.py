"""How long to wait before another try."""

from __future__ import annotations

from random import Random

_FIRST = 0.5
_JITTER = 0.25

LONGEST_BACKOFF = 8.0
"""Seconds; nobody waits longer without being asked to."""

LONGEST_PROMISE = 60.0
"""Seconds; a provider that wants a longer wait is not waited for."""


def wait_before(attempt: int, asked: float, least: float, random: Random) -> float:
    """
    Seconds to wait, as OpenAI's and LiteLLM's clients do it: doubled each time, with jitter.

    @param attempt: How many tries have failed, from 1.
    @param asked: Seconds that the provider asks for; 0: it asks for nothing.
    @param least: The fewest seconds.
    """
    if asked > 0:
        # Jitter on top: those who were refused together do not come back together, nor too early.
        return max(asked, least) + _FIRST * max(random.random(), 0.01)
    backoff: float = min(_FIRST * 2.0 ** min(attempt - 1, 9), LONGEST_BACKOFF)
    return max(backoff * (1 - _JITTER * random.random()), least)

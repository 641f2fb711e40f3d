"""How long to wait before another try."""

from __future__ import annotations

from random import Random

_FIRST = 0.5
_MOST = 8.0
_JITTER = 0.25
_LONGEST_PROMISE = 60.0
"""Seconds; a provider that wants a longer wait is not waited for."""


def wait_before(
    attempt: int, retry_after: float | None, least: float, random: Random
) -> float | None:
    """
    Seconds to wait, as OpenAI's and LiteLLM's clients do it: doubled each time, with jitter.

    @param attempt: How many tries have failed, from 1.
    @param retry_after: What the provider asks for.
    @param least: The fewest seconds.
    @return: C{None}: the provider asks for more than anyone waits.
    """
    if retry_after is not None:
        return None if retry_after > _LONGEST_PROMISE else max(retry_after, least)
    backoff: float = min(_FIRST * 2.0 ** (attempt - 1), _MOST)
    return max(backoff * (1 - _JITTER * random.random()), least)

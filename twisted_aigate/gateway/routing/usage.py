"""How many tokens an answer took, as it passes: for limits of tokens and choice by usage."""

from __future__ import annotations

import re

_TOTAL = re.compile(rb'"total_tokens"\s*:\s*(\d+)')
_EVENT = re.compile(rb"^data:", re.MULTILINE)
_KEPT = 64
"""Bytes of a piece that may be the beginning of what is looked for."""


class TokenCount:
    """
    Counts.

    In an answer's own text quotes stand behind a backslash: what is found is the usage.
    """

    def __init__(self) -> None:
        self._total = 0
        self._events = 0
        self._end = b""

    def feed(self, data: bytes) -> None:
        """Count a piece of the answer."""
        seen = self._end + data
        for found in _TOTAL.finditer(seen):
            self._total = int(found[1])
        self._events += len(_EVENT.findall(data))
        self._end = seen[-_KEPT:]

    @property
    def tokens(self) -> int:
        """What the provider says, or a token for every event of a stream without usage."""
        return self._total or self._events

"""Lua that Redis runs as one step."""

from __future__ import annotations

import hashlib

from attrs import field, frozen


@frozen
class Script:
    """
    A script.

    Source: https://redis.io/docs/latest/develop/programmability/eval-intro/

    @ivar text: Lua.
    @ivar digest: What Redis knows it by.
    """

    text: str
    digest: str = field(init=False)

    @digest.default
    def _digest(self) -> str:
        return hashlib.sha1(self.text.encode("utf-8"), usedforsecurity=False).hexdigest()

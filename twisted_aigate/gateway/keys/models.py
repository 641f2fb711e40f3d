"""What a virtual key is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import Factory, frozen

MCP_SERVERS = "allowed_mcp_servers"
"""Where a key's metadata has the MCP servers that it may use."""

PREFIX = "sk-"
"""What every key begins with."""


@frozen
class KeyLimits:
    """
    How often a key may call; C{None}: no limit.

    @ivar rpm: Calls a minute.
    @ivar tpm: Tokens a minute.
    @ivar max_parallel: Calls at once.
    """

    rpm: int | None = None
    tpm: int | None = None
    max_parallel: int | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return not (self.rpm is None and self.tpm is None and self.max_parallel is None)


@frozen
class VirtualKey:
    """
    A virtual key, without the key.

    @ivar token: Its SHA-256 in hex: what it is known by.
    @ivar name: Its end, for people: C{sk-...abcd}.
    @ivar alias: Its name, if it has one; no two keys have the same.
    @ivar models: The model names that it may use; none: all.
    @ivar aliases: What it calls models, to their names.
    @ivar metadata: What its maker wants kept with it.
    @ivar user_id: Whose it is; only kept.
    @ivar team_id: The same.
    @ivar limits: How often it may call.
    @ivar spend: What it has spent in this period, in billionths of a dollar.
    @ivar max_budget: What it may spend in each; C{None}: no limit.
    @ivar budget_duration: How long a period is; C{None}: it has no end.
    @ivar budget_reset_at: When the period ends, in seconds of Unix time.
    @ivar expires: When it is valid no more; C{None}: never.
    @ivar blocked: It is not valid until it is unblocked.
    @ivar created_at: When it was made.
    @ivar updated_at: When it was last changed.
    """

    token: str
    name: str
    created_at: float
    updated_at: float
    alias: str | None = None
    models: tuple[str, ...] = ()
    aliases: Mapping[str, str] = Factory(dict)
    metadata: Mapping[str, Any] = Factory(dict)
    user_id: str | None = None
    team_id: str | None = None
    limits: KeyLimits = KeyLimits()
    spend: int = 0
    max_budget: int | None = None
    budget_duration: str | None = None
    budget_reset_at: float | None = None
    expires: float | None = None
    blocked: bool = False

    @property
    def mcp_servers(self) -> Sequence[str]:
        """The names of the MCP servers whose tools it may use."""
        allowed: Sequence[str] = self.metadata.get(MCP_SERVERS, ())
        return allowed


def token_of(key: bytes) -> str:
    """What a key is known by."""
    return hashlib.sha256(key).hexdigest()


def name_of(key: str) -> str:
    """A key's end, for people."""
    return f"{PREFIX}...{key[-4:]}"

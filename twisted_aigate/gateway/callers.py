"""Who calls the gateway, and what they may use."""

from __future__ import annotations

from attrs import frozen

from twisted_aigate.gateway.errors import GatewayError


@frozen
class Caller:
    """
    Who calls.

    @ivar id: What they are known by, for what is kept of them: no secret, and never another
        caller's.
    @ivar models: The model names that they may use; C{None}: all.
    """

    id: str
    models: frozenset[str] | None = None

    def may_use(self, model: str) -> bool:
        """Whether they may use a model name."""
        return self.models is None or model in self.models

    def check(self, model: str) -> None:
        """
        Let the use of a model name pass, or not.

        @raise GatewayError: 403: they may not use it.
        """
        if not self.may_use(model):
            raise GatewayError(
                403,
                f"This key may not use the model {model!r}. GET /models lists those that it may.",
                param="model",
                code="key_model_access_denied",
            )


MASTER = Caller("master")
"""Whoever has the master key."""

CLAUDE_CODE = Caller("claudebox")
"""Claude Code that runs in this process, on a model of the gateway's."""

"""Who calls the gateway, and what they may use."""

from __future__ import annotations

from fnmatch import fnmatchcase

from attrs import frozen

from twisted_aigate.gateway.deployments import Catalogue
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import VirtualKey

_ALL_MODELS = frozenset(("*", "all-proxy-models", "all-team-models"))
"""LiteLLM's words for all: https://docs.litellm.ai/docs/proxy/model_access"""


@frozen
class Caller:
    """
    Who calls.

    @ivar id: What they are known by, for what is kept of them: no secret, and never another
        caller's.
    @ivar models: The model names that they may use, or patterns of them such as C{openai/*}, which
        is all of a provider's too; C{None}: all.
    @ivar key: The virtual key that they have; C{None}: another one, which has no limits.
    """

    id: str
    models: frozenset[str] | None = None
    key: VirtualKey | None = None

    @property
    def is_master(self) -> bool:
        """Whether they have the master key."""
        return self is MASTER

    def may_use(self, model: str, catalogue: Catalogue) -> bool:
        """
        Whether they may use a model name.

        @param catalogue: Knows whose model it is.
        """
        if self.models is None or model in self.models:
            return True
        names = [model, *(f"{provider}/{model}" for provider in catalogue.providers(model))]
        patterns = [pattern for pattern in self.models if "*" in pattern]
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)

    def alias(self, model: str) -> str:
        """The model name that they mean by one."""
        return model if self.key is None else self.key.aliases.get(model, model)

    def check(self, model: str, catalogue: Catalogue) -> None:
        """
        Let the use of a model name pass, or not.

        @raise GatewayError: 403: they may not use it.
        """
        if not self.may_use(model, catalogue):
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


def with_key(key: VirtualKey) -> Caller:
    """Whoever has a virtual key."""
    models = frozenset(key.models)
    return Caller(key.token, None if not models or models & _ALL_MODELS else models, key)

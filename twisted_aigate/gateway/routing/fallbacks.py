"""The models that are asked in place of one that failed."""

from __future__ import annotations

from twisted_aigate.gateway.routing.failures import Meaning
from twisted_aigate.gateway.routing.policy import Policy


def fallbacks_of(policy: Policy, model: str, meaning: Meaning) -> tuple[str, ...]:
    """
    The fallbacks of a model name, in order, each once.

    @param meaning: What its failure means; a call that is itself wrong has none.
    """
    if meaning is Meaning.FINAL:
        return ()
    special = {
        Meaning.CONTEXT_WINDOW: policy.context_window_fallbacks,
        Meaning.CONTENT_POLICY: policy.content_policy_fallbacks,
    }.get(meaning)
    if special:
        chain = special.get(model, special.get("*", ()))
    else:
        # Also where the kind of failure has no fallbacks of its own at all: as in LiteLLM.
        chain = policy.fallbacks.get(model, policy.fallbacks.get("*", policy.default_fallbacks))
    return tuple(name for name in dict.fromkeys(chain) if name != model)

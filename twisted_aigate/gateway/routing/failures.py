"""What a failure means for the call that it befell."""

from __future__ import annotations

import re
from enum import Enum

from twisted_aigate.gateway.errors import GatewayError

_RETRIED = frozenset((408, 409, 429))
_REFUSED_KEY = frozenset((401, 403))

_CONTEXT_CODES = frozenset(("context_length_exceeded", "string_above_max_length"))
_CONTEXT_TEXT = re.compile(
    r"maximum context length|context.{0,12}(length|window)|prompt is too long"
    r"|input is too long|too many (input )?tokens|exceeds? the (maximum|limit).{0,30}tokens"
    r"|reduce the length of the (messages|prompt|input)",
    re.IGNORECASE,
)
_CONTENT_CODES = frozenset(("content_policy_violation", "content_filter", "ContentPolicyViolation"))
_CONTENT_TEXT = re.compile(
    r"content.{0,12}(policy|filter|management)|safety system|flagged", re.IGNORECASE
)


class Meaning(Enum):
    """What to do about a failure."""

    RETRY = "another try may do"
    ELSEWHERE = "another deployment may do"
    CONTEXT_WINDOW = "a model with a larger context window may do"
    CONTENT_POLICY = "a provider with another policy may do"
    FINAL = "the call itself is wrong"


def meaning_of(error: GatewayError) -> Meaning:
    """
    What a failure means.

    Providers word a prompt that is too long in ways of their own, mostly as a 400; LiteLLM tells it
    by the text too.
    """
    if error.status in (400, 413, 422):
        if error.code in _CONTEXT_CODES or _CONTEXT_TEXT.search(error.message):
            return Meaning.CONTEXT_WINDOW
        if error.code in _CONTENT_CODES or _CONTENT_TEXT.search(error.message):
            return Meaning.CONTENT_POLICY
        return Meaning.FINAL
    if error.status in _RETRIED or error.status >= 500:
        return Meaning.RETRY
    if error.status in _REFUSED_KEY or error.status == 404:
        # It is the deployment that is wrong, and stays so.
        return Meaning.ELSEWHERE
    return Meaning.FINAL

"""What a failure means for the call that it befell."""

from __future__ import annotations

import re
from enum import Enum

from twisted_aigate.gateway.errors import GatewayError

_RETRIED = frozenset((408, 409, 429))
_REFUSED_KEY = frozenset((401, 403))

_TOO_LONG_STRING = "string_above_max_length"
CONTEXT_CODES = frozenset(("context_length_exceeded", _TOO_LONG_STRING))
_PROMPT_PARAMS = ("messages", "input", "prompt")
_CONTEXT_TEXT = re.compile(
    r"context.{0,12}(length|window|limit|size)|prompt is too long|input (is )?too long"
    r"|maximum (prompt|model|input) length|too many (input )?tokens|input token count"
    r"|exceeds? the (maximum|limit).{0,30}tokens|current length is \d+ while limit is"
    r"|inputs` tokens \+ `max_new_tokens"
    r"|reduce the length of the (messages|prompt|input)",
    re.IGNORECASE,
)
CONTENT_CODES = frozenset(("content_policy_violation", "content_filter", "ContentPolicyViolation"))
_CONTENT_TEXT = re.compile(
    r"content.{0,12}(policy|filter|management)|usage policy|safety system|flagged", re.IGNORECASE
)


_KINDS = {
    401: "AuthenticationError",
    403: "AuthenticationError",
    404: "NotFoundError",
    408: "TimeoutError",
    429: "RateLimitError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
    504: "TimeoutError",
}


def kind_of(error: GatewayError) -> str:
    """
    What LiteLLM's policies call a failure.

    Source: https://docs.litellm.ai/docs/exception_mapping
    """
    default = "InternalServerError" if error.status >= 500 else "BadRequestError"
    return _KINDS.get(error.status, default)


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
        if _is_too_long(error):
            return Meaning.CONTEXT_WINDOW
        if error.code in CONTENT_CODES or _CONTENT_TEXT.search(error.message):
            return Meaning.CONTENT_POLICY
        return Meaning.FINAL
    if error.status in _RETRIED or error.status >= 500:
        return Meaning.RETRY
    if error.status in _REFUSED_KEY or error.status == 404:
        # It is the deployment that is wrong, and stays so.
        return Meaning.ELSEWHERE
    return Meaning.FINAL


def _is_too_long(error: GatewayError) -> bool:
    if error.code == _TOO_LONG_STRING:
        # Any string may be: a user's name as well as a message.
        return error.param is None or error.param.startswith(_PROMPT_PARAMS)
    return error.code in CONTEXT_CODES or _CONTEXT_TEXT.search(error.message) is not None

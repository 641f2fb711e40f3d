"""
How a caller wants its call to be routed, as LiteLLM's clients say it.

Source: https://docs.litellm.ai/docs/proxy/reliability and
https://docs.litellm.ai/docs/proxy/request_headers
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from attrs import frozen

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.models import MOST_RETRIES, BaseRequest

_MOST_FALLBACKS = 20


@frozen
class Wishes:
    """
    What the caller wants; C{None}: it has not said, and the configuration holds.

    @ivar fallbacks: Model names that are asked when the call's own fails.
    @ivar num_retries: How often the call is tried again after its first failure.
    @ivar timeout: Seconds without progress after which a try fails.
    """

    fallbacks: tuple[str, ...] | None = None
    num_retries: int | None = None
    timeout: float | None = None


NO_WISHES = Wishes()


def read_wishes(request: BaseRequest, field: Callable[[bytes], bytes | None]) -> Wishes:
    """
    What a request says; the body wins over the head.

    @param request: Its body, checked.
    @param field: Gives a header field of a lower-case name.
    @raise GatewayError: 400: a header field is no number.
    """
    retries, timeout = request.num_retries, request.timeout
    if retries is None:
        said = _number(field, b"x-litellm-num-retries", MOST_RETRIES)
        retries = None if said is None else int(said)
    if timeout is None:
        timeout = _number(field, b"x-litellm-timeout") or None
    chain = request.fallbacks
    if chain is None and retries is None and timeout is None:
        return NO_WISHES
    names = None
    if chain is not None:
        names = tuple(each if isinstance(each, str) else each.model for each in chain)
        if len(names) > _MOST_FALLBACKS:
            message = f"There may be {_MOST_FALLBACKS} fallbacks at the most."
            raise GatewayError(400, message, param="fallbacks")
    return Wishes(names, retries, timeout)


def _number(
    field: Callable[[bytes], bytes | None], name: bytes, most: float = sys.float_info.max
) -> float | None:
    said = field(name)
    if said is None:
        return None
    try:
        number = float(said)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        text = name.decode("ascii")
        raise GatewayError(400, f"The header field {text} is no such number.", param=text)
    return number

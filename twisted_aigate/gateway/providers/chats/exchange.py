"""A task that is one question and one whole answer, to a provider with a language of its own."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from twisted_aigate.gateway.calls import Call
from twisted_aigate.gateway.deployments import Deployment


@frozen
class Exchange:
    """
    One of them.

    @ivar target: The path, and query, that it is asked at.
    @ivar body: The provider's request.
    @ivar answer: Makes the caller's answer of the provider's; raises C{GatewayError} where that
        says that the call fails, and C{msgspec.MsgspecError} where it is not of the provider's
        form.
    """

    target: bytes
    body: dict[str, object]
    answer: Callable[[bytes], bytes]


Translate = Callable[[Deployment, Call], Exchange]
"""
Makes the exchange of a call.

@raise GatewayError: 400: the provider cannot take the call.
"""

"""Connecting, which whoever wants it no more can end."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure


def connect(endpoint: IStreamClientEndpoint, factory: IProtocolFactory) -> Deferred[IProtocol]:
    """
    Connect to an endpoint.

    @return: Fires with the protocol. Cancelling it fails with L{CancelledError}, whatever the
        endpoint makes of that: while Twisted's looks a name up, it is that there is no such name.
    """
    attempt = endpoint.connect(factory)
    is_cancelled = False

    def cancel(_: Deferred[IProtocol]) -> None:
        nonlocal is_cancelled
        is_cancelled = True
        attempt.cancel()

    def settle(result: IProtocol | Failure) -> None:
        if not is_cancelled:
            connected.callback(result)

    connected: Deferred[IProtocol] = Deferred(cancel)
    attempt.addBoth(settle)
    return connected

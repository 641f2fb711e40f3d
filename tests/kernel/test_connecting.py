"""Connecting, and ending that."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.connecting import connect


@define
class Endpoint:
    """
    An endpoint.

    @ivar attempt: What fires when it is connected; cancelled, it says what Twisted's says.
    """

    attempt: Deferred[Any] = field(
        factory=lambda: Deferred(lambda attempt: attempt.errback(DNSLookupError("no such name")))
    )

    def connect(self, factory: object) -> Deferred[Any]:
        return self.attempt


class ConnectTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.endpoint = Endpoint()
        self.connecting: Deferred[Any] = connect(self.endpoint, Factory())  # type: ignore[arg-type]

    def test_what_comes_of_it(self) -> None:
        protocol = Protocol()
        self.endpoint.attempt.callback(protocol)
        self.assertIs(self.successResultOf(self.connecting), protocol)

    def test_what_does_not(self) -> None:
        self.endpoint.attempt.errback(ConnectionRefusedError())
        self.failureResultOf(self.connecting, ConnectionRefusedError)

    def test_cancelling_is_no_failure_of_the_other_side(self) -> None:
        self.connecting.cancel()
        self.failureResultOf(self.connecting, CancelledError)
        self.assertTrue(self.endpoint.attempt.called)
        self.assertEqual(self.flushLoggedErrors(), [])

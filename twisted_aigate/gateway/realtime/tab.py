"""
What a conversation costs, turn by turn.

A turn is what the provider tells usage of: a response, or words that it has heard. Each is let in
and paid as a call is, so that a key's limits and its budget end a conversation too; the first is
let in before the provider is asked. Nobody knows what a turn may cost, and a conversation may last:
nothing of a budget is held for it, and a turn that is begun is paid though it is beyond.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, DeferredQueue
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.gateway.accounting.meter import Meter, Visit
from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.router import Router

_SAID = Result(b"")


class Turns:
    """
    Lets a conversation's turns in.

    @param meter: Has calls paid.
    @param router: Knows who may answer.
    @param caller: Who talks.
    @param model: With which model.
    """

    def __init__(self, meter: Meter, router: Router, caller: Caller, model: str) -> None:
        self._meter = meter
        self._router = router
        self._caller = caller
        self._call = Call(Task.REALTIME, model, {})

    async def admit(self) -> Visit:
        """
        Let one in.

        @raise GatewayError: The caller's key has talked too often, or has no money left.
        """
        model = self._call.model
        return await self._meter.admit(
            self._caller, self._call, lambda: self._router.reachable(model)
        )


class Tab:
    """
    A conversation's account.

    @param turns: Lets turns in.
    @param visit: The first, which is let in.
    @param deployment: Who is paid.
    @param refused: Called once with why there is to be no further turn.
    """

    _log = Logger()

    def __init__(
        self,
        turns: Turns,
        visit: Visit,
        deployment: Deployment,
        refused: Callable[[GatewayError], object],
    ) -> None:
        self._turns = turns
        self._deployment = deployment
        self._refused = refused
        self._taken: DeferredQueue[UsageReader | None] = DeferredQueue()
        Deferred.fromCoroutine(self._keep(visit)).addErrback(self._failed)

    def took(self, reader: UsageReader) -> None:
        """A turn is over, and C{reader} has read what it took."""
        self._taken.put(reader)

    def close(self) -> None:
        """There is no further turn."""
        self._taken.put(None)

    async def _keep(self, visit: Visit) -> None:
        while True:
            reader = await self._taken.get()
            if reader is None:
                visit.failed()
                return
            visit.answered(_SAID, self._deployment, reader)
            try:
                visit = await self._turns.admit()
            except GatewayError as error:
                self._refused(error)
                return

    def _failed(self, failure: Failure) -> None:
        self._log.failure("a conversation cannot be paid", failure)
        self._refused(GatewayError(500, "The conversation cannot be accounted for."))

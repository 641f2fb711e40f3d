"""Asking one deployment, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.first_event import error_of, first_of
from twisted_aigate.gateway.routing.held import HeldBody, whole_body
from twisted_aigate.gateway.routing.states import States

Ask = Callable[[Deployment], Awaitable[Result]]

_TIMED_OUT = (408, 504)


async def attempt(
    deployment: Deployment,
    ask: Ask,
    states: States,
    clock: IReactorTime,
    reader: UsageReader,
) -> Result:
    """
    Have a deployment answer, and keep its state.

    @param clock: Tells how long it takes.
    @param reader: Reads what its answer takes.
    @return: An answer that has begun: the deployment is done with the call when its body is over.
    @raise GatewayError: It gives none.
    """
    state = states.begin(deployment)
    began = clock.seconds()

    def answered() -> None:
        now = clock.seconds()
        state.answered(now, now - began)

    def over() -> None:
        states.end(state, reader.tokens)
        reader.finish()

    try:
        result = await ask(deployment)
        body = result.body
        if not isinstance(body, bytes):
            body = await _begun(result, body)
        elif result.is_events:
            _check(first_of(body))
    except BaseException as error:
        over()
        if isinstance(error, GatewayError) and error.status in _TIMED_OUT:
            # One that does not answer must not count as one that is not known yet.
            answered()
        raise
    answered()
    if isinstance(body, bytes):
        if result.is_events:
            reader.feed(body)
        elif result.is_json:
            reader.document(body)
        over()
    else:
        body.over = over
        body.seen = reader.feed if result.is_events else None
    return evolve(result, body=body)


async def _begun(result: Result, body: IBodyProducer) -> bytes | HeldBody:
    try:
        if result.is_json:
            return await whole_body(body)
        held = HeldBody(body, events=result.is_events)
        await held.begin()
    except CancelledError:
        raise
    except Exception as error:
        raise result.described(error) from None
    if result.is_events:
        try:
            _check(held.first)
        except GatewayError:
            held.stopProducing()
            raise
    return held


def _check(first_event: bytes | None) -> None:
    """Raise what a stream that begins so tells in place of an answer."""
    error = error_of(first_event)
    if error is not None:
        raise error

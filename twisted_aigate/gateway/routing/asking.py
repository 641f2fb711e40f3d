"""Asking one deployment, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from attrs import evolve, frozen
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

_T = TypeVar("_T")
_TIMED_OUT = (408, 504)


@frozen
class Occupied(Generic[_T]):
    """
    A deployment that has answered, and has the call in hand until it is over.

    @ivar answer: What it answered.
    @ivar spend: To be called with tokens that it takes while it goes on.
    @ivar over: To be called once, when it is done with the call, with the tokens that it took
        beside.
    """

    answer: _T
    spend: Callable[[int], None]
    over: Callable[[int], None]


async def occupy(
    deployment: Deployment,
    ask: Callable[[Deployment], Awaitable[_T]],
    states: States,
    clock: IReactorTime,
) -> Occupied[_T]:
    """
    Have a deployment answer, and keep its state.

    @param clock: Tells how long it takes.
    @raise GatewayError: It does not: it is done with the call.
    """
    state = states.begin(deployment)
    began = clock.seconds()

    def answered() -> None:
        now = clock.seconds()
        state.answered(now, now - began)

    try:
        answer = await ask(deployment)
    except BaseException as error:
        states.end(state)
        if isinstance(error, GatewayError) and error.status in _TIMED_OUT:
            # One that does not answer must not count as one that is not known yet.
            answered()
        raise
    answered()
    return Occupied(answer, partial(states.spend, state), partial(states.end, state))


async def attempt(
    deployment: Deployment,
    ask: Ask,
    states: States,
    clock: IReactorTime,
    reader: UsageReader,
) -> Result:
    """
    Have a deployment answer a call.

    @param clock: Tells how long it takes.
    @param reader: Reads what its answer takes.
    @return: An answer that has begun: the deployment is done with the call when its body is over.
    @raise GatewayError: It gives none.
    """
    occupied = await occupy(deployment, lambda each: _begin(each, ask), states, clock)
    result = occupied.answer

    def over() -> None:
        occupied.over(reader.tokens)
        reader.finish()

    if isinstance(result.body, HeldBody):
        result.body.over = over
        result.body.seen = reader.feed if result.is_events else None
    elif isinstance(result.body, bytes):
        if result.is_events:
            reader.feed(result.body)
        elif result.is_json:
            reader.document(result.body)
        over()
    return result


async def _begin(deployment: Deployment, ask: Ask) -> Result:
    result = await ask(deployment)
    body = result.body
    if not isinstance(body, bytes):
        body = await _begun(result, body)
    elif result.is_events:
        _check(first_of(body))
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

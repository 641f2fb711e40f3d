"""The loop in the Responses API, over deployments that serve it and over any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from attrs import evolve, frozen

from twisted_aigate.gateway.agent.body import Pipe
from twisted_aigate.gateway.agent.calling import Called, Outcome
from twisted_aigate.gateway.agent.functions import Offer, Offered
from twisted_aigate.gateway.agent.merging import Merging
from twisted_aigate.gateway.agent.speaker import UNCACHED, later_choice, raw, summed
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.items import listed, portable, raw_items
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.mcp import unfolded
from twisted_aigate.gateway.responses.models import ResponsesRequest
from twisted_aigate.gateway.responses.records import Kept
from twisted_aigate.gateway.responses.service import items_of, record_of
from twisted_aigate.gateway.sse import EventParser, EventTooLarge

_UNREADABLE = "The provider's stream is not a response's."
_ELSEWHERE = ("background", "conversation")
"""Fields of what a provider does by itself, without us."""


@frozen
class Beginning:
    """
    What a response begins with.

    @ivar request: The caller's request.
    @ivar before: What it goes on from, the oldest first.
    """

    request: ResponsesRequest
    before: Sequence[Kept]


async def begin(caller: Caller, request: ResponsesRequest, kept: KeptResponses) -> Beginning:
    """
    Find what a response begins with.

    @raise GatewayError: 400 or 404: tools cannot be run for it here.
    """
    for name in _ELSEWHERE:
        if getattr(request, name):
            raise GatewayError(400, f"Tools of this server are not run with {name!r}.", param=name)
    previous = request.previous_response_id
    before = [] if previous is None else await kept.conversation(caller, previous)
    if before and before[-1].deployment is not None:
        raise GatewayError(
            400,
            f"The response {previous!r} is kept by its provider: tools of this server are run for"
            " what goes on from a response that is kept here.",
            param="previous_response_id",
        )
    return Beginning(request, before)


class StreamedResponse:
    """
    A L{Speaker}; a caller who waits for all of it gets what the last event tells.

    @param caller: Who calls.
    @param call: The caller's call.
    @param beginning: What it begins with.
    @param offer: The tools that the model may call.
    @param others: The caller's own.
    @param pipe: The way to the caller.
    @param kept: Keeps responses.
    """

    def __init__(
        self,
        caller: Caller,
        call: Call,
        beginning: Beginning,
        offer: Offer,
        others: Sequence[dict[str, Any]],
        pipe: Pipe,
        kept: KeptResponses,
    ) -> None:
        request = self._request = beginning.request
        self._caller = caller
        self._call = call
        self._before = beginning.before
        self._offer = offer
        self._pipe = pipe
        self._kept = kept
        self._tools = [*others, *(_function(each) for each in offer)]
        items = portable(items_of(beginning.before))
        self._items: list[Any] = [*items, *_given(request)]
        fields = {
            "previous_response_id": request.previous_response_id,
            "store": request.kept,
            "max_tool_calls": request.max_tool_calls,
            "tool_choice": "auto" if request.tool_choice is None else request.tool_choice,
        }
        self._merging = Merging(offer, fields, pipe)
        self._usage: Any = None
        self._turns = 0
        self._may_call = True
        self._response: dict[str, Any] = {}

    def next_call(self, *, may_call: bool) -> Call:
        """See L{Speaker}."""
        self._may_call = may_call
        fields = {**self._call.fields, "input": raw(self._items)}
        fields |= {"store": raw(value=False), "stream": raw(value=True)}
        for name in ("tools", "tool_choice", "max_tool_calls", "previous_response_id"):
            fields.pop(name, None)
        if self._tools:
            choice = self._choice()
            choice = later_choice(choice, first=not self._turns, may_call=may_call)
            fields["tools"] = raw(self._tools)
            if choice is not None:
                fields["tool_choice"] = raw(choice)
        self._turns += 1
        return evolve(self._call, fields=fields, body=None, stream=True, cache=UNCACHED)

    def _choice(self) -> Any:
        choice = self._request.tool_choice
        if not isinstance(choice, dict) or choice.get("type") != "mcp":
            return choice
        # To the model they are functions.
        name = choice.get("name")
        return "required" if name is None else {"type": "function", "name": name}

    async def hear(self, result: Result) -> list[Called]:
        """See L{Speaker}."""
        merging = self._merging
        merging.begin_turn()
        parser = EventParser()

        def take(piece: bytes) -> None:
            try:
                for data in parser.feed(piece):
                    if data is None:
                        self._pipe.keep_alive()
                    elif merging.error is None:
                        merging.take(msgspec.json.decode(data, type=dict[str, Any]))
            except (EventTooLarge, msgspec.MsgspecError, LookupError, TypeError):
                merging.error = _UNREADABLE

        if not result.is_events:
            result.drop()
            raise GatewayError(502, _UNREADABLE)
        await self._pipe.read(result.body, take)
        if merging.error is None and merging.ended is None:
            merging.error = "The provider's stream broke off."
        if merging.error is not None:
            raise GatewayError(502, merging.error)
        return self._heard()

    def _heard(self) -> list[Called]:
        ended = self._merging.ended or {}
        self._usage = summed(self._usage, ended.get("usage"))
        if ended["status"] != "completed" or not self._may_call:
            self._merging.leave()
            return []
        return [each.called() for each in self._merging.ours.values()]

    def told(self, called: Called, outcome: Outcome) -> None:
        """See L{Speaker}."""
        self._merging.ran(called, outcome)

    def add(self, calls: list[Called], outcomes: list[Outcome]) -> bool:
        """See L{Speaker}: the caller's own functions are called by the caller first."""
        self._items += self._said(calls, outcomes)
        return not any(item["type"] == "function_call" for item in self._merging.turn)

    def _said(self, calls: list[Called], outcomes: list[Outcome]) -> Iterator[dict[str, Any]]:
        raws = [raw(item) for item in self._merging.turn if item["type"] != "mcp_call"]
        yield from portable(raws)
        for call in calls:
            made = {"name": call.tool.function, "arguments": call.arguments or "{}"}
            yield {"type": "function_call", "call_id": call.id, **made}
        for call, outcome in zip(calls, outcomes, strict=True):
            output = {"call_id": call.id, "output": outcome.for_model}
            yield {"type": "function_call_output", **output}

    async def finish(self) -> None:
        """See L{Speaker}."""
        ended = self._merging.ended or {}
        self._response = {**self._merging.response(ended), "usage": self._usage}
        if self._request.kept:
            record = record_of(
                self._caller,
                self._request,
                self._before,
                self._response["id"],
                self._kept.now(),
                items=msgspec.json.encode(listed(self._request.input or [])),
                response=msgspec.json.encode(self._response),
            )
            await self._kept.keep(record)
        self._merging.say(f"response.{ended['status']}", response=self._response)

    def fail(self, error: GatewayError) -> None:
        """See L{Speaker}."""
        fields = {"code": error.code, "message": error.message, "param": error.param}
        self._merging.say("error", **fields)

    def whole(self, result: Result) -> Result:
        """See L{Speaker}."""
        return Result(msgspec.json.encode(self._response), headers=result.headers)


def _given(request: ResponsesRequest) -> Iterator[Any]:
    """The caller's own input: what tools answered before is told as of functions."""
    for item in raw_items(request.input):
        try:
            yield from unfolded(msgspec.json.decode(item, type=dict[str, Any]))
        except msgspec.MsgspecError:
            yield item


def _function(offered: Offered) -> dict[str, Any]:
    return {
        "type": "function",
        "name": offered.function,
        "description": offered.spec.description,
        "parameters": dict(offered.spec.input_schema),
        "strict": False,
    }

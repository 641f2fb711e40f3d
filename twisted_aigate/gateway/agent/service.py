"""The gateway as agent: which calls are its, and how they begin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from attrs import frozen
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from twisted_aigate.gateway.agent.body import AgentBody, Pipe
from twisted_aigate.gateway.agent.calling import USUAL_MOST, Calling
from twisted_aigate.gateway.agent.chat_stream import StreamedChat
from twisted_aigate.gateway.agent.chats import WholeChat
from twisted_aigate.gateway.agent.functions import make_offer
from twisted_aigate.gateway.agent.loop import Ask, run
from twisted_aigate.gateway.agent.responses import StreamedResponse, begin
from twisted_aigate.gateway.agent.speaker import Speaker
from twisted_aigate.gateway.agent.wanted import Wanted, function_names, may_be_wanted, split
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.chat.calls import too_deep
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.models import ResponsesRequest
from twisted_aigate.interfaces import ToolCaller, ToolSource

Answers = Callable[[Caller, Call], Awaitable[Result]]
"""Answers a call."""

_TASKS = (Task.CHAT, Task.RESPONSES)
_COST = b"x-litellm-response-cost"
"""What one turn has cost: no word of the others."""


@frozen
class Visitor:
    """
    Who has tools called.

    @ivar caller: Who calls the gateway.
    @ivar tools: Who calls tools.
    @ivar base_url: Scheme and authority at which they reach us.
    """

    caller: Caller
    tools: ToolCaller
    base_url: str


class Agent:
    """
    Answers calls, and runs the tools of ours that their models call.

    @param answer: Answers one turn.
    @param tools: The tools.
    @param kept: Keeps responses.
    """

    _log = Logger()

    def __init__(self, answer: Answers, tools: ToolSource, kept: KeptResponses) -> None:
        self._answer = answer
        self._tools = tools
        self._kept = kept

    async def call(self, call: Call, caller: Caller, visit: Callable[[], Visitor]) -> Result:
        """
        Answer a call.

        @param visit: Says who has tools called, if there are any.
        @raise GatewayError: It gives no result.
        """
        tools = call.fields.get("tools")
        if tools is None or call.task not in _TASKS or not may_be_wanted(tools):
            return await self._answer(caller, call)
        visitor = visit()
        try:
            wanted, others = split(tools, visitor.base_url)
            if wanted:
                return await self._begin(visitor, call, wanted, others)
        except RecursionError:
            raise too_deep() from None
        return await self._answer(caller, call)

    async def _begin(
        self, visitor: Visitor, call: Call, wanted: list[Wanted], others: list[dict[str, Any]]
    ) -> Result:
        most = _most(call)
        pipe = Pipe()
        beginning = None
        if call.task is Task.RESPONSES:
            request = msgspec.json.decode(call.body_for(call.model), type=ResponsesRequest)
            beginning = await begin(visitor.caller, request, self._kept)
        specs = await self._tools.tools(visitor.tools)
        offer = make_offer(wanted, specs, function_names(others))
        speaker: Speaker
        if beginning is not None:
            speaker = StreamedResponse(
                visitor.caller, call, beginning, offer, others, pipe, self._kept
            )
        elif call.stream:
            speaker = StreamedChat(call, offer, others, pipe)
        else:
            speaker = WholeChat(call, offer, others)
        calling = Calling(self._tools, visitor.tools, visitor.base_url, most)
        calling.on_progress = pipe.keep_alive

        async def ask(turn: Call) -> Result:
            return await self._answer(visitor.caller, turn)

        first = await ask(speaker.next_call(may_call=calling.may_go_on))
        if call.stream:
            return self._streamed(first, ask, speaker, calling, pipe)
        last = await run(first, ask, speaker, calling)
        result = speaker.whole(last)
        return Result(result.body, result.content_type, _without_cost(result))

    def _streamed(
        self, first: Result, ask: Ask, speaker: Speaker, calling: Calling, pipe: Pipe
    ) -> Result:
        async def work() -> None:
            try:
                await run(first, ask, speaker, calling)
            except GatewayError as error:
                speaker.fail(error)
            except CancelledError:
                raise
            except Exception:
                self._log.failure("an answer with tools failed")
                speaker.fail(GatewayError(500, "The answer broke off: an error of the server."))

        body = AgentBody(pipe, work, first.drop)
        return Result(body, EVENT_STREAM, _without_cost(first))


def _without_cost(result: Result) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(field for field in result.headers if field[0] != _COST)


def _most(call: Call) -> int:
    """
    The calls of tools that an answer takes at most.

    @raise GatewayError: 400: more than one answer is asked for, or it is no number.
    """
    several = call.fields.get("n")
    if several is not None and bytes(several) not in (b"1", b"null"):
        raise GatewayError(400, "With tools of this server there is one answer.", param="n")
    given = call.fields.get("max_tool_calls")
    if given is None:
        return USUAL_MOST
    try:
        most = msgspec.json.decode(given, type=int | None)
    except msgspec.ValidationError:
        most = -1
    if most is not None and most < 0:
        raise GatewayError(400, "max_tool_calls is a number from 0.", param="max_tool_calls")
    return USUAL_MOST if most is None else most

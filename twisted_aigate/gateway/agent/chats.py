"""The loop in chat completions: what both kinds of answers share, and whole ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import evolve
from msgspec import Raw

from twisted_aigate.gateway.agent.calling import Called, Outcome
from twisted_aigate.gateway.agent.functions import Offer, Offered
from twisted_aigate.gateway.agent.speaker import UNCACHED, later_choice, raw, summed
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.chat.calls import whole
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.kernel.identifiers import new_id

_DONE_WITH_CALLS = ("tool_calls", "stop", "function_call")
"""Reasons to stop of a turn whose calls are whole."""

_messages = msgspec.json.Decoder(list[Raw])


class Chat:
    """
    A conversation that goes on by turns.

    @param call: The caller's call.
    @param offer: The tools that the model may call.
    @param others: The caller's own.
    @ivar usage: What all turns took together; C{None}: none has said.
    """

    def __init__(self, call: Call, offer: Offer, others: Sequence[dict[str, Any]]) -> None:
        self.offer = offer
        self.usage: Any = None
        self._call = call
        self._messages: list[Any] = _messages.decode(call.fields["messages"])
        listed = [_listed(each) for tools in offer.tools for each in tools]
        self._tools = [*others, *listed]
        self._listed = listed
        self._made: list[dict[str, Any]] = []
        self._results: list[dict[str, Any]] = []
        self._turns = 0
        self._may_call = True

    def next_call(self, *, may_call: bool) -> Call:
        """See L{Speaker}."""
        self._may_call = may_call
        fields = {**self._call.fields, "messages": raw(self._messages)}
        for name in ("tools", "tool_choice", "max_tool_calls"):
            fields.pop(name, None)
        if self._tools:
            given = self._call.fields.get("tool_choice")
            choice = None if given is None else msgspec.json.decode(given)
            choice = later_choice(choice, first=not self._turns, may_call=may_call)
            fields["tools"] = raw(self._tools)
            if choice is not None:
                fields["tool_choice"] = raw(choice)
        self._turns += 1
        return evolve(self._call, fields=fields, body=None, cache=UNCACHED)

    def count(self, usage: Any) -> None:
        """Add what a turn took."""
        if usage is not None:
            self.usage = summed(self.usage, usage)

    def heard(
        self, said: dict[str, Any], calls: Sequence[dict[str, Any]], reason: str | None
    ) -> list[Called]:
        """
        What a turn said; returns the calls to run.

        With a call of the caller's own function the turn is the caller's: they cannot be told of
        results in the middle of it, and the model calls ours again when it still wants to.

        @param said: The message, less its calls.
        @param reason: Why it stopped.
        """
        ours = [(call, self.offer.find(call["function"].get("name"))) for call in calls]
        if reason not in _DONE_WITH_CALLS or not self._may_call:
            return []
        run = []
        for call, tool in ours:
            if tool is None:
                return []
            call["id"] = call.get("id") or f"call_{new_id()}"
            run.append(Called(call["id"], tool, call["function"].get("arguments") or ""))
        if run:
            self._messages.append({**said, "role": "assistant", "tool_calls": list(calls)})
        return run

    def add(self, calls: list[Called], outcomes: list[Outcome]) -> bool:
        """See L{Speaker}."""
        self._messages += (
            {"role": "tool", "tool_call_id": call.id, "content": outcome.for_model}
            for call, outcome in zip(calls, outcomes, strict=True)
        )
        return True

    # What LiteLLM's clients look for: https://docs.litellm.ai/docs/mcp_usage

    def listing(self) -> dict[str, Any]:
        """The tools that the model may call."""
        return {"mcp_list_tools": self._listed}

    def step(self, called: Called, outcome: Outcome) -> dict[str, Any]:
        """A call, and what came of it, each with its place among all of them."""
        index = len(self._made)
        function = {"name": called.tool.function, "arguments": called.arguments}
        made = {"index": index, "id": called.id, "type": "function", "function": function}
        result = {"index": index, "tool_call_id": called.id, "name": called.tool.function}
        self._made.append(made)
        self._results.append({**result, "result": outcome.for_model})
        return {"mcp_tool_calls": [made], "mcp_call_results": [self._results[-1]]}

    def steps(self) -> dict[str, Any]:
        """All of that."""
        if not self._made:
            return self.listing()
        return {
            **self.listing(),
            "mcp_tool_calls": self._made,
            "mcp_call_results": self._results,
        }


class WholeChat(Chat):
    """A L{Speaker} whose caller waits for the whole answer."""

    _answer: dict[str, Any]

    async def hear(self, result: Result) -> list[Called]:
        """See L{Speaker}."""
        body = await whole(result.body)
        try:
            answer: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
            choice = answer["choices"][0]
            said = dict(choice["message"])
            calls = [dict(call) for call in said.pop("tool_calls", None) or ()]
            self.count(answer.get("usage"))
            run = self.heard(said, calls, choice.get("finish_reason"))
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
            raise GatewayError(502, f"The provider's answer is not a chat's: {error!r}.") from None
        self._answer = answer
        if not run:
            self._complete(choice, calls)
        return run

    def _complete(self, choice: dict[str, Any], calls: list[dict[str, Any]]) -> None:
        message = choice["message"]
        theirs = [call for call in calls if self.offer.find(call["function"].get("name")) is None]
        message.pop("tool_calls", None)
        if theirs:
            message["tool_calls"] = theirs
        elif choice.get("finish_reason") == "tool_calls":
            choice["finish_reason"] = "stop"
        given = message.get("provider_specific_fields") or {}
        message["provider_specific_fields"] = {**given, **self.steps()}
        if self.usage is not None:
            self._answer["usage"] = self.usage

    def told(self, called: Called, outcome: Outcome) -> None:
        """See L{Speaker}."""
        self.step(called, outcome)

    async def finish(self) -> None:
        """See L{Speaker}."""

    def fail(self, error: GatewayError) -> None:
        """See L{Speaker}."""

    def whole(self, result: Result) -> Result:
        """See L{Speaker}."""
        return evolve(result, body=msgspec.json.encode(self._answer))


def _listed(offered: Offered) -> dict[str, Any]:
    function = {
        "name": offered.function,
        "description": offered.spec.description,
        "parameters": dict(offered.spec.input_schema),
    }
    return {"type": "function", "function": function}

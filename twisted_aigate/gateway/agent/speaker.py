"""What the loop wants of an API: turns to ask for, and calls heard in their answers."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from msgspec import Raw

from twisted_aigate.gateway.agent.calling import Called, Outcome
from twisted_aigate.gateway.cache.controls import Controls
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.errors import GatewayError

UNCACHED = Controls(no_cache=True, no_store=True)
"""What tools answer changes: no turn is another's."""


class Speaker(Protocol):
    """One answer in the making, in the words of an API."""

    def next_call(self, *, may_call: bool) -> Call:
        """
        The call of the next turn.

        @param may_call: Whether the model may call tools in it.
        """

    async def hear(self, result: Result) -> list[Called]:
        """
        Take a turn's answer, and pass on what is for the caller.

        @return: The calls to run; without any the answer is over.
        @raise GatewayError: It is no answer.
        """

    def told(self, called: Called, outcome: Outcome) -> None:
        """A call has been run."""

    def add(self, calls: list[Called], outcomes: list[Outcome]) -> bool:
        """
        All calls of a turn have been run.

        @return: Whether the model is to read of it now; otherwise the answer is over.
        """

    async def finish(self) -> None:
        """The answer is over."""

    def fail(self, error: GatewayError) -> None:
        """There is no next turn: tell a caller who reads the answer as it comes."""

    def whole(self, result: Result) -> Result:
        """
        The answer for a caller who waits for all of it.

        @param result: That of the last turn.
        """


def raw(value: object) -> Raw:
    """A field's text."""
    return Raw(msgspec.json.encode(value))


def summed(one: Any, other: Any) -> Any:
    """The usage of two turns together: numbers add up, wherever they are."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return {name: summed(one.get(name), other.get(name)) for name in names}
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one + other
    return one if other is None else other


def later_choice(choice: Any, *, first: bool, may_call: bool) -> Any:
    """
    The C{tool_choice} of a turn: what has to be called has been called by the first.

    @param choice: The caller's.
    """
    if not may_call:
        return "none"
    forced = choice == "required" or (
        isinstance(choice, dict) and choice.get("type") != "allowed_tools"
    )
    return None if forced and not first else choice

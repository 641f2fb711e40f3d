"""The loop: a turn, the calls in it, the next turn, until the model answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted_aigate.gateway.agent.calling import Calling
from twisted_aigate.gateway.agent.speaker import Speaker
from twisted_aigate.gateway.calls import Call, Result

Ask = Callable[[Call], Awaitable[Result]]
"""Answers a call as any of the caller's: routed, paid and limited."""


async def run(result: Result, ask: Ask, speaker: Speaker, calling: Calling) -> Result:
    """
    Have the model answer. Cancelling it ends what is on its way.

    @param result: The first turn's answer.
    @param ask: Asks for another turn.
    @param calling: Runs the tools; it is closed.
    @return: The last turn's.
    @raise GatewayError: A turn gives no answer.
    """
    try:
        while calls := await speaker.hear(result):
            outcomes = await calling.run(calls, speaker.told)
            if not speaker.add(calls, outcomes):
                break
            result = await ask(speaker.next_call(may_call=calling.may_go_on))
        await speaker.finish()
        return result
    finally:
        calling.close()

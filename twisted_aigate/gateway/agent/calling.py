"""The calls of tools that a model makes: counted, run side by side, told in words."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from twisted_aigate.gateway.agent.functions import Offered
from twisted_aigate.interfaces import (
    ToolCaller,
    ToolError,
    ToolResult,
    ToolSource,
    UnknownTool,
)
from twisted_aigate.kernel.identifiers import new_id

USUAL_MOST = 25
"""Calls of tools that one answer takes at most, when the request says nothing."""

_LONGEST = 200_000
"""Characters of a result that the model gets to read."""

_arguments = msgspec.json.Decoder(dict[str, Any])


@frozen
class Called:
    """
    A call that the model made.

    @ivar id: The call's id.
    @ivar tool: What it calls.
    @ivar arguments: Its arguments, JSON if the model did well.
    """

    id: str
    tool: Offered
    arguments: str


@frozen
class Outcome:
    """
    What came of a call.

    @ivar text: What the tool answered, or what is wrong.
    @ivar is_error: The latter.
    """

    text: str
    is_error: bool = False

    @property
    def for_model(self) -> str:
        """What the model reads: a chat has no other way to say that it is an error."""
        return f"Error: {self.text}" if self.is_error else self.text or "Done."


@frozen
class Context:
    """
    What a tool knows of a call; a L{twisted_aigate.interfaces.ToolContext}.

    @ivar caller: Who calls.
    @ivar base_url: Scheme and authority at which they reach us.
    @ivar tell: Called when there is progress.
    @ivar session: The same for all calls of one answer: what is kept for it, such as a browser,
        is there for the next.
    """

    caller: ToolCaller
    base_url: str
    tell: Callable[[], None]
    session: str

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """See L{twisted_aigate.interfaces.ToolContext}."""
        self.tell()


class Calling:
    """
    The calls of one answer.

    @param source: The tools.
    @param caller: Who has them called.
    @param base_url: Scheme and authority at which they reach us.
    @param most: Calls that are run at most.
    @ivar on_progress: Called when a tool says that it is at work.
    """

    _log = Logger()

    def __init__(self, source: ToolSource, caller: ToolCaller, base_url: str, most: int) -> None:
        self.on_progress: Callable[[], None] = lambda: None
        self._source = source
        self._most = most
        self._left = most
        self._session = f"agent-{new_id()}"
        self._context = Context(caller, base_url, lambda: self.on_progress(), self._session)

    @property
    def may_go_on(self) -> bool:
        """Whether another call would be run."""
        return self._left > 0

    async def run(
        self, calls: Sequence[Called], told: Callable[[Called, Outcome], None]
    ) -> list[Outcome]:
        """
        Run calls side by side. Cancelling it ends all of them.

        @param told: Called with each and what came of it, as soon as that is known.
        """

        async def one(call: Called, is_left: bool) -> Outcome:
            outcome = await self._run(call) if is_left else self._too_many()
            told(call, outcome)
            return outcome

        left = self._left
        self._left = max(0, left - len(calls))
        running = [
            Deferred.fromCoroutine(one(call, number < left)) for number, call in enumerate(calls)
        ]
        try:
            return [await each for each in running]
        finally:
            for each in running:
                each.addErrback(lambda _: None)
                each.cancel()

    async def _run(self, call: Called) -> Outcome:
        name = call.tool.spec.name
        try:
            arguments = _arguments.decode(call.arguments or "{}")
        except (msgspec.MsgspecError, RecursionError):
            return Outcome("The arguments are not a JSON object.", is_error=True)
        try:
            return _outcome(await self._source.call(name, arguments, self._context))
        except ToolError as error:
            return Outcome(error.message, is_error=True)
        except UnknownTool:
            return Outcome(f"There is no tool {name!r}.", is_error=True)
        except CancelledError:
            raise
        except Exception:
            self._log.failure("the tool {name} failed", name=name)
            return Outcome("The tool failed.", is_error=True)

    def _too_many(self) -> Outcome:
        said = f"No more tools can be called: max_tool_calls is {self._most}."
        return Outcome(said, is_error=True)

    def close(self) -> None:
        """Nothing is called any more."""
        self._source.forget(self._session)


def _outcome(result: ToolResult) -> Outcome:
    text = "\n\n".join(_words(result.content))
    if not text and result.structured is not None:
        text = msgspec.json.encode(result.structured).decode()
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n\n[cut: {_LONGEST} of {len(text)} characters]"
    return Outcome(text, result.is_error)


def _words(content: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Blocks as text: that is all that a tool's result can be in a chat."""
    for block in content:
        match block:
            case {"type": "text", "text": str(text)} | {"resource": {"text": str(text)}}:
                yield text
            case {"data": str(data)} | {"resource": {"blob": str(data)}}:
                within: Mapping[str, Any] = block.get("resource") or block
                yield f"[{within.get('mimeType', 'data')}, {len(b64decode(data))} bytes]"
            case {"uri": str(uri)}:
                yield uri

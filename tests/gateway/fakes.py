"""A provider and tools that answer what they are told to, and calls to give them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_aigate.gateway.cache.plan import CacheParams, Mode, make_plan
from twisted_aigate.gateway.cache.service import ResponseCache
from twisted_aigate.gateway.cache.stores import Store, make_store
from twisted_aigate.gateway.calls import Call, FormCall, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.interfaces import ToolCaller, ToolContext, ToolResult, ToolSpec
from twisted_aigate.kernel.settings.model import CacheSettings


@implementer(IProvider)
class FakeProvider:
    """
    A provider.

    @ivar script: What the next calls get, one each: like C{answer}.
    @ivar answer: What calls get then: a result, an exception to raise, or a Deferred.
    @ivar fails: The models that are down.
    @ivar calls: What it was called with.
    @ivar files: The bytes of the files that it was sent.
    """

    def __init__(self) -> None:
        self.script: deque[Result | Exception | Deferred[Result]] = deque()
        self.answer: Result | Exception | Deferred[Result] = Result(b'{"ok":true}')
        self.fails: set[str] = set()
        self.calls: list[tuple[Deployment, Call | FormCall]] = []
        self.files: list[bytes] = []

    async def call(self, deployment: Deployment, call: Call) -> Result:
        """See L{IProvider}."""
        return await self._answer(deployment, call)

    async def call_form(self, deployment: Deployment, call: FormCall) -> Result:
        """See L{IProvider}."""
        self.files += [upload.read(0, upload.size) for upload in call.uploads]
        return await self._answer(deployment, call)

    async def _answer(self, deployment: Deployment, call: Call | FormCall) -> Result:
        self.calls.append((deployment, call))
        if deployment.model in self.fails:
            raise GatewayError(500, "it is down")
        answer = self.script.popleft() if self.script else self.answer
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, Deferred) else answer


class FakeTools:
    """
    Tools; a L{twisted_aigate.interfaces.ToolSource}.

    @ivar specs: What there is, for those who may use its server.
    @ivar answers: What each answers: a result, an exception to raise, or a Deferred.
    @ivar calls: What was called.
    @ivar contexts: The context of each call.
    @ivar forgotten: The sessions that are over.
    """

    def __init__(self) -> None:
        self.specs: list[ToolSpec] = []
        self.answers: dict[str, ToolResult | Exception | Deferred[ToolResult]] = {}
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.contexts: list[ToolContext] = []
        self.forgotten: list[str] = []

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """See L{ToolSource}."""
        servers = caller.servers
        return [
            spec for spec in self.specs if servers is None or spec.name.partition("-")[0] in servers
        ]

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """See L{ToolSource}."""
        self.calls.append((name, arguments))
        self.contexts.append(context)
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, Deferred) else answer

    def forget(self, session: str) -> None:
        """See L{ToolSource}."""
        self.forgotten.append(session)


def make_cache(
    clock: IReactorTime, mode: Mode = Mode.OPT_IN, store: Store | None = None, **changes: Any
) -> ResponseCache:
    """A cache in memory, or in a store."""
    params = CacheParams(ttl=600)
    plan = make_plan(CacheSettings(None, None, 2**20), None, params, None, {})
    plan = evolve(plan, mode=mode, **changes)
    return ResponseCache(plan, store or make_store(plan, None, clock), clock)


def make_call(task: Task = Task.CHAT, model: str = "m", **fields: Any) -> Call:
    """A call with these fields."""
    raw = {
        name: msgspec.Raw(msgspec.json.encode(value))
        for name, value in {"model": model, **fields}.items()
    }
    return Call(task, model, raw, msgspec.json.encode(raw), stream=bool(fields.get("stream")))

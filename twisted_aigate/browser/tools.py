"""Browsers as tools: each action is one, and a session has all of its calls in one browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from twisted_aigate.browser.actions.table import ACTIONS
from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.parsing import Asked, ScriptBody, parse_request
from twisted_aigate.browser.script import RUN_SCRIPT, Script, StepOptions
from twisted_aigate.browser.service import Browsers, Outcome, Served
from twisted_aigate.interfaces import (
    ToolCaller,
    ToolContext,
    ToolError,
    ToolResult,
    ToolSpec,
    UnknownTool,
)
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.toolbox import schema, text


class BrowserTools:
    """
    The tools; a L{twisted_aigate.interfaces.ToolSource}.

    @param browsers: The service.
    """

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._specs = {spec.name: spec for spec in _specs()}
        # The replica that a session is with, as soon as its first call has got one.
        self._pins: dict[str, Latch[str | None]] = {}

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """See L{twisted_aigate.interfaces.ToolSource}."""
        return list(self._specs.values())

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """See L{twisted_aigate.interfaces.ToolSource}."""
        if name not in self._specs:
            raise UnknownTool(name)
        try:
            asked = parse_request({**arguments, "action": name})
            return _result(await self._perform(asked, context))
        except BrowserError as error:
            raise ToolError(error.message) from None

    async def _perform(self, asked: Asked | Script, context: ToolContext) -> Served[Outcome]:
        session, base_url = context.session, context.base_url
        if session is None:
            return await self._browsers.perform(asked, None, base_url)
        pinned = self._pins.get(session)
        if pinned is not None:
            return await self._browsers.perform(asked, await pinned.wait(), base_url)
        self._pins[session] = pinned = Latch()
        try:
            served = await self._browsers.perform(asked, None, base_url)
        except BaseException:
            self.forget(session)
            pinned.open(None)
            raise
        pinned.open(served.replica)
        return served

    def forget(self, session: str) -> None:
        """See L{twisted_aigate.interfaces.ToolSource}: its browser is anyone's again."""
        self._pins.pop(session, None)


def _specs() -> Sequence[ToolSpec]:
    specs = [
        ToolSpec(action.name, _words(action.model), schema(action.model))
        for action in ACTIONS.values()
    ]
    return [ToolSpec(RUN_SCRIPT, _words(ScriptBody), _script_schema()), *specs]


def _words(model: type[Any]) -> str:
    return " ".join((model.__doc__ or "").split())


def _script_schema() -> dict[str, Any]:
    made, options = schema(ScriptBody), schema(StepOptions)
    made["$defs"] = options.pop("$defs")
    made["properties"]["on_error"] = options["properties"]["on_error"]
    made["properties"]["steps"]["items"] = {
        "type": "object",
        "description": "An action with its parameters.",
        "properties": {"action": {"enum": list(ACTIONS)}, **options["properties"]},
        "required": ["action"],
    }
    return made


def _result(served: Served[Outcome]) -> ToolResult:
    outcome = served.value
    error = served.error if outcome is None else outcome.error
    pictures: list[Mapping[str, Any]] = []
    data = {} if outcome is None else _without_pictures(outcome.data, pictures)
    told: dict[str, Any] = {"success": error is None, "data": data}
    if error is not None:
        told["error"] = error
    if served.recovered:
        told["recovered"] = True
    return ToolResult(
        [text(msgspec.json.encode(told).decode()), *pictures], told, is_error=error is not None
    )


def _without_pictures(value: Any, pictures: list[Mapping[str, Any]]) -> Any:
    # A model sees a picture, and can do nothing with its base64.
    if isinstance(value, list):
        return [_without_pictures(each, pictures) for each in value]
    if not isinstance(value, dict):
        return value
    kind, image = value.get("media_type"), value.get("image")
    if isinstance(kind, str) and isinstance(image, str):
        block = {"type": "image", "data": image, "mimeType": kind}
        # A script tells a step's result by its name too.
        if block not in pictures:
            pictures.append(block)
        value = {name: each for name, each in value.items() if name != "image"}
    return {name: _without_pictures(each, pictures) for name, each in value.items()}

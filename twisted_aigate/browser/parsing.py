"""What a caller asks for, checked before any browser is had for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import frozen

from twisted_aigate.browser.actions.base import Action, ActionType
from twisted_aigate.browser.actions.table import ACTIONS
from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.script import RUN_SCRIPT, Script, Step, StepOptions

_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_NAMED = re.compile(r"(missing required|unknown) field `([^`]+)`")
_STEP_FIELDS = {field.encode_name for field in msgspec.structs.fields(StepOptions)}


@frozen
class Asked:
    """
    An action with its parameters.

    @ivar action: The action.
    @ivar parameters: Its parameters.
    """

    action: ActionType[Any]
    parameters: Action


class ScriptBody(Action, frozen=True):
    """Several actions, one after the other, in the same browser and the same request."""

    steps: list[dict[str, Any]]
    on_error: str = "stop"


def parse_request(fields: Mapping[str, Any]) -> Asked | Script:
    """
    What a request asks for.

    @param fields: The request's JSON object.
    @raise BrowserError: 400, naming what is wrong and what is allowed.
    """
    if fields.get("action") == RUN_SCRIPT:
        return _parse_script(fields)
    return _parse_action(fields, "", (RUN_SCRIPT,))


def _parse_action(fields: Mapping[str, Any], where: str, more: tuple[str, ...] = ()) -> Asked:
    rest = dict(fields)
    name = rest.pop("action", None)
    if name is None:
        raise BrowserError(400, f"Missing parameter: '{where}action'. {_allowed(more)}")
    action = ACTIONS.get(name) if isinstance(name, str) else None
    if action is None:
        raise BrowserError(400, f"Unknown action: '{where}action' is {name!r}. {_allowed(more)}")
    return Asked(action, convert(rest, action.model, action.name, where))


def _allowed(more: tuple[str, ...]) -> str:
    return f"Actions: {', '.join((*ACTIONS, *more))}."


def convert(fields: Mapping[str, Any], model: type[Any], name: str, where: str) -> Any:
    """
    Fields as a model.

    @param name: What the model is of.
    @param where: Where the fields stand in the request.
    @raise BrowserError: 400.
    """
    try:
        return msgspec.convert(fields, model)
    except msgspec.ValidationError as error:
        raise BrowserError(400, f"{_said(str(error), where)} {_parameters(model, name)}") from None


def _said(message: str, where: str) -> str:
    found = _PATH.search(message)
    path = found[1] if found else ""
    named = _NAMED.search(message)
    if named is not None:
        whole = ".".join(filter(None, (path, named[2])))
        wrong = "Missing" if named[1].startswith("missing") else "Unknown"
        return f"{wrong} parameter: '{where}{whole}'."
    said = message[: found.start()] if found else message
    return f"Wrong value for '{where}{path}': {said}."


def _parameters(model: type[Any], name: str) -> str:
    fields = msgspec.structs.fields(model)
    told = [
        f"{field.encode_name} (needed)" if field.required else field.encode_name for field in fields
    ]
    return f"Parameters of {name}: {', '.join(told) or 'none'}."


def _parse_script(fields: Mapping[str, Any]) -> Script:
    rest = {key: value for key, value in fields.items() if key != "action"}
    body: ScriptBody = convert(rest, ScriptBody, RUN_SCRIPT, "")
    default = {"on_error": body.on_error}
    convert(default, StepOptions, RUN_SCRIPT, "")
    return Script(
        tuple(
            _parse_step({**default, **step}, f"steps[{index}].")
            for index, step in enumerate(body.steps)
        )
    )


def _parse_step(fields: Mapping[str, Any], where: str) -> Step:
    options = {key: value for key, value in fields.items() if key in _STEP_FIELDS}
    rest = {key: value for key, value in fields.items() if key not in _STEP_FIELDS}
    asked = _parse_action(rest, where)
    return Step(asked.action, asked.parameters, convert(options, StepOptions, "a step", where))

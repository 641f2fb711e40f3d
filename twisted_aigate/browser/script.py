"""Scripts: several actions in one request, in one browser. For its thread."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from attrs import frozen
from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data
from twisted_aigate.browser.actions.waiting import element_state, has_text, matches_url
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed, PageHung

RUN_SCRIPT = "run_script"


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a step is done: when all that is named holds."""

    selector: Annotated[str, Meta(description="an element that is shown")] | None = None
    text: Annotated[str, Meta(description="a text that the page shows")] | None = None
    url: Annotated[str, Meta(description="a part or pattern of the address")] | None = None
    expression: Annotated[str, Meta(description="JavaScript whose value is true")] | None = None
    output: Annotated[str, Meta(description="the `output_id` of a step that succeeded")] | None = (
        None
    )
    negate: Annotated[bool, Meta(description="when it does not hold")] = msgspec.field(
        default=False, name="not"
    )


class StepOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a step may say beside its action."""

    output_id: (
        Annotated[str, Meta(description="names its result in `data.outputs`", min_length=1)] | None
    ) = None
    on_error: Annotated[
        Literal["stop", "continue"], Meta(description="what happens when it fails")
    ] = "stop"
    condition: Annotated[Condition, Meta(description="when it is done at all")] | None = (
        msgspec.field(default=None, name="if")
    )


@frozen
class Step:
    """
    A step.

    @ivar action: The action.
    @ivar parameters: Its parameters.
    @ivar options: What else is said of it.
    """

    action: ActionType[Any]
    parameters: Action
    options: StepOptions


@frozen
class Script:
    """
    A script.

    @ivar steps: Its steps, in order.
    """

    steps: tuple[Step, ...]


@frozen
class ScriptResult:
    """
    What became of a script.

    @ivar data: Each step's result, and the outputs by name.
    @ivar error: Why it was left before its end.
    @ivar hung: The page answers no more.
    """

    data: Data
    error: str | None
    hung: bool = False


def run_script(browser: Browser, script: Script) -> ScriptResult:
    """
    Do a script's steps.

    @raise BrowserDied: The browser ended on the way.
    """
    results: list[Data] = []
    outputs: dict[str, Data] = {}
    error: str | None = None
    hung = False
    for index, step in enumerate(script.steps):
        result: Data = {"action": step.action.name}
        if step.options.output_id is not None:
            result["output_id"] = step.options.output_id
        results.append(result)
        try:
            if not _is_due(browser, step.options.condition, outputs):
                result.update(success=True, skipped=True)
                continue
            data = step.action.run(browser, step.parameters)
        except ActionFailed as failure:
            result.update(success=False, error=str(failure))
            hung = isinstance(failure, PageHung)
            if hung or step.options.on_error == "stop":
                error = f"step {index} ({step.action.name}): {failure}"
                break
            continue
        result.update(success=True, data=data)
        if step.options.output_id is not None:
            outputs[step.options.output_id] = data
    return ScriptResult({"steps": results, "outputs": outputs}, error, hung)


def _is_due(browser: Browser, condition: Condition | None, outputs: dict[str, Data]) -> bool:
    return condition is None or _holds(browser, condition, outputs) is not condition.negate


def _holds(browser: Browser, condition: Condition, outputs: dict[str, Data]) -> bool:
    if condition.output is not None and condition.output not in outputs:
        return False
    if condition.url is not None and not matches_url(condition.url, browser.page.info().url):
        return False
    if condition.selector is not None and not element_state(browser, condition.selector)[1]:
        return False
    if condition.text is not None and not has_text(browser, condition.text):
        return False
    return condition.expression is None or bool(
        browser.page.script(f"return (\n{condition.expression}\n);")
    )

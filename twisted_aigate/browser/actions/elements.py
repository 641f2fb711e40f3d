"""Actions on elements: found, described, used through the page's own document."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data, Seconds, Selector
from twisted_aigate.browser.actions.descriptions import (
    DESCRIBE,
    INTERACTIVE,
    MOST_ELEMENTS,
)
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed

_MOST_FRAMES_DEEP = 3
_FILL = """
const [e, value] = arguments;
e.scrollIntoView({block: 'nearest', inline: 'nearest'});
e.focus();
if (e.isContentEditable) e.textContent = value;
else {
  let kind = e;
  while (kind && !Object.prototype.hasOwnProperty.call(kind, 'value'))
    kind = Object.getPrototypeOf(kind);
  if (!kind || !('value' in e)) return 'it takes no text';
  if (e.disabled || e.readOnly) return 'it is disabled';
  const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(e), 'value');
  own && own.set ? own.set.call(e, value) : e.value = value;
  if (e.tagName === 'SELECT' && e.value !== value) return 'it has no such option';
}
e.dispatchEvent(new Event('input', {bubbles: true}));
e.dispatchEvent(new Event('change', {bubbles: true}));
return null;
"""
_FOCUS = "arguments[0].scrollIntoView({block: 'nearest', inline: 'nearest'}); arguments[0].focus();"
_BASIC_PLANE = 0xFFFF


class GetInteractiveElements(Action, frozen=True):
    """What can be clicked or filled in, in frames too; `x` and `y` are where to `system_click`."""

    visible_only: bool = True


def get_interactive_elements(browser: Browser, asked: GetInteractiveElements) -> Data:
    """Find what can be used."""
    elements: list[Data] = []
    _gather(browser, asked.visible_only, 0.0, 0.0, 0, elements)
    return {"elements": elements[:MOST_ELEMENTS], "count": len(elements)}


def _gather(
    browser: Browser, visible_only: bool, left: float, top: float, depth: int, found: list[Data]
) -> None:
    elements, frames = browser.page.script(INTERACTIVE, visible_only)
    for element in elements:
        found.append(
            {**element, "x": element["x"] + left, "y": element["y"] + top, "in_frame": depth > 0}
        )
    if depth < _MOST_FRAMES_DEEP:
        for frame, x, y in frames:
            with browser.page.inside(frame):
                _gather(browser, visible_only, left + x, top + y, depth + 1, found)


class GetElement(Action, frozen=True):
    """Tag, text, attributes, place and value of an element."""

    selector: Selector


def get_element(browser: Browser, asked: GetElement) -> Data:
    """Describe an element."""
    element = browser.page.find(asked.selector)
    found: Data = browser.page.script(DESCRIBE, [element])[0]
    return found


class GetElements(Action, frozen=True):
    """The same of all that a selector finds."""

    selector: Selector
    limit: Annotated[int, Meta(ge=1, le=MOST_ELEMENTS)] = 100


def get_elements(browser: Browser, asked: GetElements) -> Data:
    """Describe elements."""
    elements = browser.page.find_all(asked.selector)
    described = browser.page.script(DESCRIBE, elements[: asked.limit])
    return {"elements": described, "count": len(elements)}


class Click(Action, frozen=True):
    """Click an element through the driver; it is scrolled into view."""

    selector: Selector


def click(browser: Browser, asked: Click) -> Data:
    """Click an element."""
    browser.page.click(browser.page.find(asked.selector))
    return {"selector": asked.selector}


class Fill(Action, frozen=True):
    """Put a value into a field in place of what it holds."""

    selector: Selector
    value: str


def fill(browser: Browser, asked: Fill) -> Data:
    """Fill in a field."""
    refusal = browser.page.script(_FILL, browser.page.find(asked.selector), asked.value)
    if refusal is not None:
        raise ActionFailed(f"{asked.selector}: {refusal}")
    return {"selector": asked.selector, "value": asked.value}


class Type(Action, frozen=True):
    """Type into an element through the driver, after what it holds."""

    selector: Selector
    text: str
    delay: Annotated[Seconds, Meta(description="seconds from one key to the next")] = 0.0


def type_text(browser: Browser, asked: Type) -> Data:
    """Type into an element."""
    element = browser.page.find(asked.selector)
    for part in asked.text if asked.delay else [asked.text]:
        if any(ord(character) > _BASIC_PLANE for character in part):
            # ChromeDriver's keyboard has none of these.
            browser.page.script(_FOCUS, element)
            browser.page.devtools("Input.insertText", {"text": part})
        else:
            browser.page.send_keys(element, part)
        browser.pace.wait(asked.delay)
    return {"selector": asked.selector}


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("get_interactive_elements", GetInteractiveElements, get_interactive_elements),
    ActionType("get_element", GetElement, get_element),
    ActionType("get_elements", GetElements, get_elements),
    ActionType("click", Click, click),
    ActionType("fill", Fill, fill),
    ActionType("type", Type, type_text),
)

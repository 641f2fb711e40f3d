"""Actions by mouse and keyboard, which pages take for a person's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Coordinate, Data, Seconds
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed

_Button = Literal["left", "middle", "right"]
_Clicks = Annotated[int, Meta(ge=1, le=3, description="2: a double click")]
_Duration = Annotated[Seconds, Meta(description="seconds that the pointer is under way")]


class SystemClick(Action, frozen=True):
    """Move the pointer along a curve, as a person does, and click."""

    x: Coordinate
    y: Coordinate
    duration: _Duration | None = None
    button: _Button = "left"
    clicks: _Clicks = 1


def system_click(browser: Browser, asked: SystemClick) -> Data:
    """Go there and click."""
    browser.input.move(asked.x, asked.y, asked.duration)
    browser.input.click(asked.button, asked.clicks)
    return {"x": asked.x, "y": asked.y, "input": browser.input.kind}


class MouseMove(Action, frozen=True):
    """Move the pointer along a curve."""

    x: Coordinate
    y: Coordinate
    duration: _Duration | None = None


def mouse_move(browser: Browser, asked: MouseMove) -> Data:
    """Go there."""
    browser.input.move(asked.x, asked.y, asked.duration)
    return {"x": asked.x, "y": asked.y, "input": browser.input.kind}


class MouseClick(Action, frozen=True):
    """Click at once, at a point or where the pointer is."""

    x: Coordinate | None = None
    y: Coordinate | None = None
    button: _Button = "left"
    clicks: _Clicks = 1


def mouse_click(browser: Browser, asked: MouseClick) -> Data:
    """Click."""
    _go(browser, asked.x, asked.y)
    browser.input.click(asked.button, asked.clicks)
    return {"input": browser.input.kind}


def _go(browser: Browser, x: float | None, y: float | None) -> None:
    if (x is None) != (y is None):
        raise ActionFailed("x and y go together")
    if x is not None and y is not None:
        browser.input.move(x, y, 0.0)


class Scroll(Action, frozen=True):
    """Turn the mouse wheel, at a point or where the pointer is."""

    amount: Annotated[int, Meta(ge=-100, le=100, description="notches; negative: down")] = -3
    sideways: Annotated[int, Meta(ge=-100, le=100, description="notches; negative: left")] = 0
    x: Coordinate | None = None
    y: Coordinate | None = None


def scroll(browser: Browser, asked: Scroll) -> Data:
    """Turn the wheel."""
    _go(browser, asked.x, asked.y)
    browser.input.scroll(asked.amount, asked.sideways)
    return {"amount": asked.amount, "input": browser.input.kind}


class SystemType(Action, frozen=True):
    """Type a text, of any characters, into what has the focus."""

    text: Annotated[str, Meta(max_length=10_000)]
    interval: Annotated[float, Meta(ge=0, le=10, description="seconds from key to key")] = 0.02


def system_type(browser: Browser, asked: SystemType) -> Data:
    """Type."""
    browser.input.type(asked.text, asked.interval)
    return {"length": len(asked.text), "input": browser.input.kind}


class SendKey(Action, frozen=True):
    """Press a key, or several together."""

    key: Annotated[str, Meta(min_length=1, description="such as `enter`, `ctrl+a`, `shift+tab`")]


def send_key(browser: Browser, asked: SendKey) -> Data:
    """Press."""
    browser.input.press(asked.key)
    return {"key": asked.key, "input": browser.input.kind}


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("system_click", SystemClick, system_click),
    ActionType("mouse_move", MouseMove, mouse_move),
    ActionType("mouse_click", MouseClick, mouse_click),
    ActionType("system_type", SystemType, system_type),
    ActionType("send_key", SendKey, send_key),
    ActionType("scroll", Scroll, scroll),
)

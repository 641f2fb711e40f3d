"""What an action is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from attrs import frozen
from msgspec import Meta

from twisted_aigate.browser.browser import Browser

Data = dict[str, Any]
"""What an action found."""

LONGEST = 300.0
"""Seconds that an action may be told to wait."""


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of an action; its docstring says what the action does."""


_Asked = TypeVar("_Asked", bound=Action)


@frozen
class ActionType(Generic[_Asked]):
    """
    An action.

    @ivar name: What callers call it.
    @ivar model: Its parameters.
    @ivar run: Does it, in the browser's thread; raises
        L{twisted_aigate.browser.errors.ActionFailed} when the page is not such that it can.
    """

    name: str
    model: type[_Asked]
    run: Callable[[Browser, _Asked], Data]


Selector = Annotated[str, Meta(min_length=1, description="CSS, or XPath after `xpath=`")]
Timeout = Annotated[float, Meta(gt=0, le=LONGEST, description="seconds")]
Seconds = Annotated[float, Meta(ge=0, le=LONGEST, description="seconds")]
Coordinate = Annotated[float, Meta(ge=0, le=100_000, description="pixels of the viewport")]
WaitUntil = Annotated[
    Literal["load", "domcontentloaded", "networkidle", "commit"],
    Meta(description="when the page counts as there"),
]

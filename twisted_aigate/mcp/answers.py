"""What clients post, and what they are answered; how it travels is not known here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.mcp.streams import EventBody


@frozen
class Posted:
    """
    What a client has posted.

    @ivar value: The body's JSON.
    @ivar caller: Who has.
    @ivar base_url: Scheme and authority at which it reaches us.
    @ivar header: The header field of a lower-case name.
    @ivar json: It takes JSON.
    @ivar events: It takes a stream of events.
    """

    value: Any
    caller: ToolCaller
    base_url: str
    header: Callable[[str], str | None]
    json: bool
    events: bool


@frozen
class Answered:
    """
    An answer at once.

    @ivar status: The HTTP status.
    @ivar value: The JSON; C{None}: nothing but the status.
    @ivar session: The id of the session that has begun.
    """

    status: int
    value: Any = None
    session: str | None = None


@frozen
class Opened:
    """
    An answer as a stream of events.

    @ivar body: The stream.
    @ivar session: The id of the session that has begun.
    """

    body: EventBody
    session: str | None = None

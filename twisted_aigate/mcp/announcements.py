"""What changes in a server, told to the clients that want to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import frozen

from twisted_aigate.kernel.latch import Latch

Listed = Literal["tools", "prompts", "resources"]


@frozen
class Change:
    """
    Something has changed.

    @ivar of: Which list; of a resource itself: C{resources}.
    @ivar uri: The resource; C{None}: the list.
    """

    of: Listed
    uri: str | None = None

    @property
    def method(self) -> str:
        """The notification that tells it."""
        return f"notifications/{self.of}/{'list_changed' if self.uri is None else 'updated'}"

    @property
    def params(self) -> Mapping[str, Any]:
        """What stands in it."""
        return {} if self.uri is None else {"uri": self.uri}


class Announcements:
    """
    Tells changes to whoever listens.

    @ivar over: Opens when nothing will be told any more.
    """

    def __init__(self) -> None:
        self.over: Latch[None] = Latch()
        self._listeners: list[Callable[[Change], None]] = []

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """
        Be told.

        @return: Ends it.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, change: Change) -> None:
        """Something has changed."""
        for listener in list(self._listeners):
            listener(change)

"""What can be done with a mouse and a keyboard."""

from __future__ import annotations

from typing import Protocol


class Input(Protocol):
    """
    A mouse and a keyboard. Points are in the page's own pixels (CSS), from its upper left corner.

    @ivar kind: C{"system"}, what pages take for a person's; or C{"webdriver"}.
    """

    kind: str

    def move(self, x: float, y: float, duration: float | None) -> None:
        """
        Move the pointer.

        @param duration: Seconds that it is under way; C{None}: as a person would take.
        """

    def click(self, button: str, times: int) -> None:
        """
        Click where the pointer is.

        @param button: C{left}, C{middle} or C{right}.
        @param times: 2: a double click.
        """

    def scroll(self, notches: int, sideways: int) -> None:
        """
        Turn the wheel where the pointer is.

        @param notches: Negative: down.
        @param sideways: Negative: to the left.
        """

    def type(self, text: str, interval: float) -> None:
        """
        Type a text.

        @param interval: Seconds from one key to the next, on average.
        """

    def press(self, keys: str) -> None:
        """
        Press keys together.

        @param keys: Such as C{enter} or C{ctrl+a}.
        @raise ActionFailed: There is no such key.
        """

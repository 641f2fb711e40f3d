"""What can go wrong: with a request, with a page, with a browser."""

from __future__ import annotations


class BrowserError(Exception):
    """
    A request that gets no result.

    @ivar status: The HTTP status, 400 to 599.
    @ivar message: What is wrong, for the caller.
    @ivar replica: The name of the replica that the request was with, if it was with one.
    """

    def __init__(self, status: int, message: str, replica: str | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.replica = replica


class ActionFailed(Exception):
    """An action did not work out on the page as it is; the text says why, for the caller."""


class PageHung(ActionFailed):
    """The page answers no more: its browser is of no use until it is started anew."""


class BrowserDied(Exception):
    """The browser, its driver or its display ended; the text says what is known of it."""

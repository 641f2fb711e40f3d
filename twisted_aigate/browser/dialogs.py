"""What is done about a page's dialogs (alert, confirm, prompt), and what the last one said."""

from __future__ import annotations

from attrs import define, frozen


@frozen
class Dialog:
    """
    A dialog that a page opened.

    @ivar message: What it said.
    @ivar accepted: It was accepted, and not dismissed.
    @ivar text: What was typed into it.
    """

    message: str
    accepted: bool
    text: str | None


@define
class Dialogs:
    """
    How a browser's dialogs are met: each is accepted, unless the next one was spoken for.

    @ivar last: The last one.
    @ivar accept: Whether the next one is accepted.
    @ivar text: What is typed into the next one.
    """

    last: Dialog | None = None
    accept: bool = True
    text: str | None = None

    def prepare(self, accept: bool, text: str | None) -> None:
        """Say what is done about the next one."""
        self.accept, self.text = accept, text

    def met(self, message: str) -> Dialog:
        """One is open: what is done about it; the one after it is accepted again."""
        self.last = Dialog(message, self.accept, self.text if self.accept else None)
        self.accept, self.text = True, None
        return self.last

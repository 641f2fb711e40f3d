"""What the scripted Anthropic server can be told to answer, one step a request."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from attrs import field, frozen

_PING_EVERY = 0.05


class Answer(Protocol):
    """
    The answer to one request, as a step writes it: a stream of events or one object, as it was
    asked for.
    """

    def text(self, piece: str) -> None:
        """More of the text."""

    def use_tool(self, name: str, value: Any) -> None:
        """A tool is to be used."""

    def ping(self) -> None:
        """Show that the answer goes on."""

    def end(self) -> None:
        """All is said."""

    def refuse(self, status: int, message: str, retry_after: int | None) -> None:
        """An error instead of an answer."""

    def break_off(self) -> None:
        """End it with what is no event."""

    def reset(self) -> None:
        """Cut the connection."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """
        Wait for the event.

        @return: It came.
        @raise OSError: The server stops.
        """


class Step(Protocol):
    """One answer."""

    def play(self, answer: Answer) -> None:
        """Give it."""


@frozen
class Say:
    """
    Text.

    @ivar chunks: In how many pieces.
    @ivar delay: Seconds before each piece but the first.
    """

    text: str
    chunks: int = 2
    delay: float = 0.0

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        size = max(1, -(-len(self.text) // self.chunks))
        for start in range(0, len(self.text), size):
            if start and self.delay:
                answer.wait(threading.Event(), self.delay)
            answer.text(self.text[start : start + size])
        answer.end()


@frozen
class LongOutput:
    """
    Much text.

    @ivar size: How many bytes.
    """

    size: int

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        line = "All work and no play makes a dull test.\n"
        text = (line * (self.size // len(line) + 1))[: self.size]
        for start in range(0, self.size, 8192):
            answer.text(text[start : start + 8192])
        answer.end()


@frozen
class UseTool:
    """
    A tool is to be used; the next step answers its result.

    @ivar say: The text before it.
    """

    name: str
    input: dict[str, Any]
    say: str = ""

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        if self.say:
            answer.text(self.say)
        answer.use_tool(self.name, self.input)
        answer.end()


@frozen
class StructuredOutput:
    """The value that C{--json-schema} asks for, by the tool that the CLI then offers for it."""

    value: dict[str, Any]

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        UseTool("StructuredOutput", self.value).play(answer)


@frozen
class Refuse:
    """
    An error.

    @ivar retry_after: Seconds; C{None}: the header field is not sent.
    """

    status: int
    retry_after: int | None = None
    message: str = "as the script says"

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        answer.refuse(self.status, self.message, self.retry_after)


@frozen
class BreakStream:
    """
    Text, and then what is no event: the server's fault, not the network's.

    @ivar say: The text before it.
    """

    say: str = "Half of "

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        answer.text(self.say)
        answer.break_off()


@frozen
class Die:
    """
    Text, and then the connection is reset.

    @ivar say: The text before it; empty: it is reset before the head of an answer.
    """

    say: str = "Half of "

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        if self.say:
            answer.text(self.say)
        answer.reset()


@frozen
class Slow:
    """
    Nothing but pings for a while, and then another step.

    @ivar seconds: How long.
    """

    seconds: float
    then: Step

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        answer.ping()
        answer.wait(threading.Event(), self.seconds)
        self.then.play(answer)


@frozen
class Hold:
    """
    Text, and then nothing but pings until the test lets go: a run in the middle of an answer.

    @ivar event: The test sets it to let go.
    @ivar then: How the answer goes on.
    @ivar reached: Set once it holds.
    """

    event: threading.Event
    then: Step = Say("And so on.")
    say: str = "Once upon a time. "
    reached: threading.Event = field(factory=threading.Event, init=False)

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        answer.text(self.say)
        self.reached.set()
        while not answer.wait(self.event, _PING_EVERY):
            answer.ping()
        self.then.play(answer)


@frozen
class Always:
    """The answer to this request and all that follow."""

    step: Step

    def play(self, answer: Answer) -> None:
        """See L{Step}."""
        self.step.play(answer)

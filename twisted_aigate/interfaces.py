"""What one tree offers another: handed over where the trees are built, imported by neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import Factory, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import Interface

from twisted_aigate.kernel.figures import Family


class ModelError(Exception):
    """
    A chat model gave no answer.

    @ivar status: The HTTP status that says it best.
    @ivar message: What is wrong, for the person who asked.
    @ivar retry_after: Seconds after which it is worth another try, when that is known.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


@frozen
class ChatAnswer:
    """
    A chat model's answer.

    @ivar body: A C{chat.completion} object of OpenAI's API as JSON, or a push producer of
        server-sent events.
    """

    body: bytes | IBodyProducer


UsageListener = Callable[[int, float], object]
"""Hears of each call to a model that is over: its tokens, and its cost in dollars."""

Snapshot = Callable[[], object]
"""How something stands at this moment, as it is sent in JSON; asked for every second."""


class IChatModels(Interface):
    """Models that answer OpenAI's chat completions in this process."""

    async def chat(body: bytes, headers: Mapping[str, str]) -> ChatAnswer:
        """
        Answer. Cancelling it, or stopping the answer's producer, ends the work.

        @param body: The request, as JSON.
        @param headers: Header fields that go with it, by their lower-case names.
        @raise ModelError: There is no answer.
        """


class Posts(Protocol):
    """Answers C{POST} requests in this process, as they would be answered to an HTTP client."""

    def post(
        self,
        target: bytes,
        fields: tuple[tuple[bytes, bytes], ...],
        client: str,
        body: IBodyProducer,
        begin: Callable[[int, tuple[tuple[bytes, bytes], ...]], None],
        consumer: IConsumer,
    ) -> Deferred[bool]:
        """
        Answer.

        @param target: The request target: path and query.
        @param fields: The header fields, by their lower-case names, without those that frame the
            message.
        @param client: The client's address.
        @param body: The body, of a known length; it is stopped when its rest is not wanted.
        @param begin: Called with the response's status and header fields.
        @param consumer: What the response's body is written to.
        @return: Fires when the response is over; false: it was cut off in the middle. Cancelling it
            is the client's leaving.
        """


class ToolError(Exception):
    """
    A tool did not do what it was called for: the model reads why, and may do better.

    @ivar message: What is wrong, for the one who called.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnknownTool(Exception):
    """There is no such tool, or not for this caller."""


@frozen
class ToolSpec:
    """
    A tool as it is listed.

    @ivar name: Its name.
    @ivar description: What it does, for a model.
    @ivar input_schema: The JSON Schema of its arguments, an object.
    @ivar output_schema: That of its results' structured content; C{None}: any, or none.
    @ivar more: Further members of the protocol's C{Tool}, such as C{annotations}, as they are sent.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None
    more: Mapping[str, Any] = Factory(dict)


@frozen
class ToolResult:
    """
    What a tool answers.

    @ivar content: Content blocks of the protocol (C{type} is C{text}, C{image}, …), as they are
        sent.
    @ivar structured: The same as a JSON object; C{None}: there is none.
    @ivar is_error: It did not do what it was called for.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools
    """

    content: Sequence[Mapping[str, Any]]
    structured: Mapping[str, Any] | None = None
    is_error: bool = False


@frozen
class ToolCaller:
    """
    Who calls tools.

    @ivar name: Who it is; the same for the same credentials.
    @ivar token: What it has presented; C{None}: nothing, or nothing that tools may see.
    @ivar is_operator: It may do everything.
    @ivar servers: The names of the servers whose tools it may use; C{None}: all.
    """

    name: str
    token: bytes | None = field(default=None, repr=False)
    is_operator: bool = False
    servers: frozenset[str] | None = None


class ToolContext(Protocol):
    """What a call knows beside its arguments. A client that wants no answer cancels the call."""

    @property
    def caller(self) -> ToolCaller:
        """Who calls."""

    @property
    def session(self) -> str | None:
        """The id of the session that the call belongs to; C{None}: it stands alone."""

    @property
    def base_url(self) -> str:
        """Scheme and authority at which the client reaches this server."""

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """
        Tell how far the call has come, if the client wants to know.

        @param done: More than the last time.
        @param total: What C{done} will come to, if that is known.
        @param message: In words.
        """


class ToolSource(Protocol):
    """Tools."""

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """The tools that there are for a caller."""

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """
        Call a tool. Cancelling it ends the work.

        @raise UnknownTool: There is none of that name.
        @raise ToolError: It did not do it.
        """

    def forget(self, session: str) -> None:
        """A session is over: what was kept for it is not needed any more."""


class Uploads(Protocol):
    """Keeps what was made for someone who then fetches it."""

    async def keep(self, data: bytes, name: str, content_type: str, base_url: str) -> str:
        """
        Keep bytes.

        @param name: What it is called: the end of its URL.
        @param base_url: Scheme and authority at which it will be asked for.
        @return: Its URL, which needs no key.
        @raise ToolError: It cannot be kept.
        """


@frozen
class TunnelStatus:
    """
    How the tunnel is.

    @ivar state: C{off}, C{starting}, C{up}, C{waiting} for another try, or C{stopped}.
    @ivar urls: Where the internet reaches this server by it, as far as that is known.
    @ivar reason: Why it is off, or why it ended the last time; C{None}: neither is so.
    """

    state: str
    urls: tuple[str, ...] = ()
    reason: str | None = None


class Tunnel(Protocol):
    """A way in from the internet."""

    def status(self) -> TunnelStatus:
        """How it is now."""


class FigureSource(Protocol):
    """Who has figures for those who watch over the server."""

    async def figures(self) -> Sequence[Family]:
        """
        Them, as they are now.

        Their labels come from what is configured, never from what callers say.
        """

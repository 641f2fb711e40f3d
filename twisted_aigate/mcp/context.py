"""What a request's handler knows of it, and how it reaches the client meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from mcp_types import (
    ClientCapabilities,
    CreateMessageRequestParams,
    CreateMessageResult,
    CreateMessageResultWithTools,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    ListRootsResult,
    LoggingLevel,
    ProgressToken,
    Root,
)
from mcp_types.jsonrpc import RequestId
from pydantic import BaseModel, TypeAdapter, ValidationError

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.mcp.errors import cannot, wrong_params
from twisted_aigate.mcp.messages import plain

_ResultT = TypeVar("_ResultT", bound=BaseModel)
_LEVELS: tuple[LoggingLevel, ...] = (
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
)  # fmt: skip
_sampled: TypeAdapter[CreateMessageResult | CreateMessageResultWithTools] = TypeAdapter(
    CreateMessageResult | CreateMessageResultWithTools
)


class Channel(Protocol):
    """The way to a client while its request is being answered."""

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification that belongs to the request."""

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """
        Send a request that belongs to the request, and wait for its result.

        @raise MCPError: The client refuses, or cannot be asked.
        """

    def hang_up(self) -> None:
        """End the connection; the client comes back for the answer."""


class Context:
    """
    What is known of a request; a L{twisted_aigate.interfaces.ToolContext}.

    @ivar request_id: Its id.
    @ivar version: The protocol's revision.
    @ivar capabilities: What its client can.
    @ivar caller: Who sent it.
    @ivar base_url: Scheme and authority at which the client reaches this server.
    @ivar session: The id of its session; C{None}: it stands alone.
    """

    def __init__(
        self,
        channel: Channel,
        request_id: RequestId,
        version: str,
        capabilities: ClientCapabilities,
        caller: ToolCaller,
        base_url: str,
        session: str | None,
        *,
        progress_token: ProgressToken | None = None,
        log_level: LoggingLevel | None = None,
    ) -> None:
        self.request_id = request_id
        self.version = version
        self.capabilities = capabilities
        self.caller = caller
        self.base_url = base_url
        self.session = session
        self._channel = channel
        self._progress_token = progress_token
        self._log_level = log_level
        self._done: float | None = None

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """See L{twisted_aigate.interfaces.ToolContext}."""
        # It must increase (the protocol's word): what does not is no news.
        if self._progress_token is None or (self._done is not None and done <= self._done):
            return
        self._done = done
        params: dict[str, Any] = {"progressToken": self._progress_token, "progress": done}
        if total is not None:
            params["total"] = total
        if message is not None:
            params["message"] = message
        self._channel.notify("notifications/progress", params)

    def log(self, level: LoggingLevel, data: Any, logger: str | None = None) -> None:
        """Send a line of a log, if the client wants lines of that level."""
        if self._log_level is None or _LEVELS.index(level) < _LEVELS.index(self._log_level):
            return
        params = {"level": level, "data": data}
        if logger is not None:
            params["logger"] = logger
        self._channel.notify("notifications/message", params)

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send any other notification."""
        self._channel.notify(method, params)

    def hang_up(self) -> None:
        """End the connection, where the client can come back for the answer."""
        self._channel.hang_up()

    async def sample(
        self, params: CreateMessageRequestParams
    ) -> CreateMessageResult | CreateMessageResultWithTools:
        """
        Have the client's model say something.

        @raise MCPError: It does not.
        """
        if self.capabilities.sampling is None:
            raise cannot("sampling")
        answered = await self._channel.ask("sampling/createMessage", plain(params))
        try:
            return _sampled.validate_python(answered)
        except ValidationError as error:
            raise wrong_params(error) from None

    async def elicit(
        self, params: ElicitRequestFormParams | ElicitRequestURLParams
    ) -> ElicitResult:
        """
        Have the client's user answer something.

        @raise MCPError: The client cannot.
        """
        if self.capabilities.elicitation is None:
            raise cannot("elicitation")
        return await self._asked("elicitation/create", params, ElicitResult)

    async def roots(self) -> list[Root]:
        """
        The folders that the client works in.

        @raise MCPError: It has none.
        """
        if self.capabilities.roots is None:
            raise cannot("roots")
        return (await self._asked("roots/list", None, ListRootsResult)).roots

    async def _asked(self, method: str, params: BaseModel | None, kind: type[_ResultT]) -> _ResultT:
        answered = await self._channel.ask(method, {} if params is None else plain(params))
        try:
            return kind.model_validate(answered)
        except ValidationError as error:
            raise wrong_params(error) from None

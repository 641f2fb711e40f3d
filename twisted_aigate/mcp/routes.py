"""
The streamable HTTP transport.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.mcp.answers import Answered, Opened, Posted
from twisted_aigate.mcp.errors import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    STATUSES,
    MCPError,
    NoSession,
    TooManySessions,
)
from twisted_aigate.mcp.origins import Origins
from twisted_aigate.mcp.wire import decode, encode, refusal
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.errors import Headers, HTTPError, RenderedError
from twisted_aigate.web.reply import JSON, Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

if TYPE_CHECKING:
    from twisted_aigate.mcp.endpoint import Endpoint

METHODS = frozenset((b"POST", b"GET", b"HEAD", b"DELETE", b"OPTIONS"))
"""What an endpoint takes, or says itself that it does not."""

_EVENTS = b"text/event-stream"
_STREAMED = ((b"Cache-Control", b"no-store"), (b"X-Accel-Buffering", b"no"))
_RETRY_AFTER = ((b"Retry-After", b"5"),)
_PREFLIGHT = (
    (b"Access-Control-Allow-Methods", b"GET, POST, DELETE"),
    (
        b"Access-Control-Allow-Headers",
        b"Authorization, Content-Type, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name,"
        b" Mcp-Session-Id, X-API-Key",
    ),
    (b"Access-Control-Max-Age", b"600"),
)
"""What a page of another origin may send (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

Get = Callable[[], "Awaitable[Endpoint]"]
"""Gets an endpoint, which may first have to be made."""

Admit = Callable[[ToolCaller, Any], None]
"""
Looks at what a caller has posted, for endpoints where messages bring keys of their own.

Raises L{HTTPError}: it is refused.
"""


def admit_all(caller: ToolCaller, value: Any) -> None:
    """Whoever was let in may post."""


def render_mcp_error(error: Exception, request_id: str) -> RenderedError | None:
    """An L{twisted_aigate.web.errors.ErrorFormat}: JSON-RPC's."""
    headers: Headers = ()
    if isinstance(error, HTTPError):
        status, headers = error.status, error.headers
        told = MCPError(INTERNAL_ERROR if status >= 500 else INVALID_REQUEST, error.message)
    elif isinstance(error, MCPError):
        status, told = STATUSES.get(error.code, 400), error
    elif isinstance(error, NoSession):
        status, told = 404, MCPError(INVALID_REQUEST, "There is no such session.")
    elif isinstance(error, TooManySessions):
        status, headers = 503, _RETRY_AFTER
        told = MCPError(INTERNAL_ERROR, "There are too many sessions.")
    else:
        return None
    return RenderedError(status, encode(refusal(None, told)), headers=headers)


class _Routes:
    def __init__(self, endpoint: Get, max_body: int, admit: Admit) -> None:
        self._endpoint = endpoint
        self._max_body = max_body
        self._admit = admit

    async def post(self, request: Request, caller: ToolCaller) -> Reply:
        json, events = _accepted(request)
        value = decode(await request.body.read(self._max_body))
        self._admit(caller, value)
        # What tools do has time-outs of its own, or is to have none.
        request.be_patient()
        posted = Posted(value, caller, request.base_url, partial(_header, request), json, events)
        endpoint = await self._endpoint()
        return _reply(await endpoint.post(posted), _to_pages(request))

    async def get(self, request: Request, caller: ToolCaller) -> Reply:
        if request.method != b"GET":
            raise _only("POST")
        if not _accepted(request)[1]:
            raise HTTPError(406, "The answer is a stream: send Accept: text/event-stream.")
        endpoint = await self._endpoint()
        if not endpoint.has_streams(_header(request, "mcp-protocol-version")):
            raise _only("POST")
        last = _header(request, "last-event-id")
        opened = endpoint.open(_session_id(request), caller, last)
        return _reply(opened, _to_pages(request))

    async def delete(self, request: Request, caller: ToolCaller) -> Reply:
        endpoint = await self._endpoint()
        endpoint.end(_session_id(request), caller)
        return Reply(b"", b"", 204, _to_pages(request))

    async def preflight(self, request: Request, caller: None) -> Reply:
        return Reply(b"", b"", 204, (*_to_pages(request), *_PREFLIGHT))


def mcp_routes(
    endpoint: Get,
    path: str,
    authorise: Authorise[ToolCaller],
    origins: Origins,
    max_body: int,
    admit: Admit = admit_all,
) -> Router:
    """
    The routes of an endpoint.

    @param endpoint: Gets it.
    @param path: Where it is below its tree's prefix, with and without a slash behind it.
    @param authorise: Says who calls.
    @param origins: Whose web pages may.
    @param max_body: The most bytes of a message; 0: no limit.
    @param admit: Looks at what a caller has posted.
    """

    def from_pages(request: Request) -> None:
        if not origins.allows(_header(request, "origin"), request.base_url):
            raise HTTPError(403, "Web pages of this origin may not call. See MCP_ALLOWED_ORIGINS.")

    async def guarded(request: Request) -> ToolCaller:
        from_pages(request)
        caller = authorise(request)
        return await caller if isawaitable(caller) else caller

    routes = _Routes(endpoint, max_body, admit)
    router = Router()
    router.add("POST", f"{path}/", routes.post, guarded)
    router.add("GET", f"{path}/", routes.get, guarded)
    router.add("DELETE", f"{path}/", routes.delete, guarded)
    # A browser asks without any key.
    router.add("OPTIONS", f"{path}/", routes.preflight, from_pages)
    return router


def _to_pages(request: Request) -> Headers:
    """Lets a page of another origin, which may call, read the answer."""
    origin = request.field(b"origin")
    if origin is None:
        return ()
    return (
        (b"Access-Control-Allow-Origin", origin),
        (b"Access-Control-Expose-Headers", b"Mcp-Session-Id"),
        (b"Vary", b"Origin"),
    )


def _header(request: Request, name: str) -> str | None:
    value = request.field(name.encode("ascii"))
    return None if value is None else value.decode("latin-1").strip()


def _session_id(request: Request) -> str:
    id = _header(request, "mcp-session-id")
    if id is None:
        raise HTTPError(400, "Mcp-Session-Id is needed.")
    return id


def _only(method: str) -> HTTPError:
    return HTTPError(
        405, f"This path takes {method}.", headers=((b"Allow", method.encode("ascii")),)
    )


def _accepted(request: Request) -> tuple[bool, bool]:
    """Whether a client takes JSON, and whether it takes a stream of events."""
    field = request.joined_field(b"accept")
    if field is None:
        return True, False
    kinds = {
        kind.strip().lower()
        for kind, _, weight in (part.partition(b";") for part in field.split(b","))
        if weight.replace(b" ", b"") not in (b"q=0", b"q=0.0")
    }
    json = not kinds.isdisjoint((b"*/*", b"application/*", JSON))
    events = not kinds.isdisjoint((b"text/*", _EVENTS))
    if not json and not events:
        raise HTTPError(
            406, "The answer is JSON or a stream: Accept: application/json, text/event-stream."
        )
    return json, events


def _reply(answered: Answered | Opened, headers: Headers) -> Reply:
    if answered.session is not None:
        headers = (*headers, (b"Mcp-Session-Id", answered.session.encode("ascii")))
    if isinstance(answered, Opened):
        return Reply(answered.body, _EVENTS, 200, (*_STREAMED, *headers))
    if answered.value is None:
        return Reply(b"", b"", answered.status, headers)
    return Reply(encode(answered.value), JSON, answered.status, headers)

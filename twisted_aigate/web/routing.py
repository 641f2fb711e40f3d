"""
Routes: each one authorised, each handler's answer or error rendered, in one place.

Klein matches paths with parameters and says which methods a path takes. A path without parameters,
which every hot one is, is found in a table first: Klein's dispatch would be half of the cost of a
proxied call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar
from urllib.parse import unquote_to_bytes

from attrs import frozen
from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from twisted_aigate.web.auth import Authorise, public
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply, send
from twisted_aigate.web.request import Request
from twisted_aigate.web.websocket.answer import WebSocketAnswer, offer_of, take_up

_log = Logger()
_Caller = TypeVar("_Caller")
_Parts = ParamSpec("_Parts")
_Handler = Callable[Concatenate[Request, _Caller, _Parts], Awaitable[Reply]]
_WebSocketHandler = Callable[[Request, _Caller], Awaitable[WebSocketAnswer]]


@frozen(eq=False)
class _Route:
    handler: Callable[..., Awaitable[Any]]
    authorise: Authorise[Any]
    answer: Callable[[Request, Any], Awaitable[None]] = send

    async def run(self, request: Request, parts: dict[str, str]) -> None:
        try:
            caller = self.authorise(request)
            if isawaitable(caller):
                caller = await caller
            await self.answer(request, await self.handler(request, caller, **parts))
        except CancelledError:
            if not request.is_gone:
                reason = request.interruption
                request.site.failed(request, Failure() if reason is None else Failure(reason))
        except Exception:
            request.site.failed(request, Failure())


class Router:
    """
    The routes of one tree; a L{twisted_aigate.web.site.Renderer}.

    @ivar unlimited: The paths, below the tree's prefix, that rate limits pass over.
    """

    def __init__(self) -> None:
        self._klein = Klein()
        self._klein.handle_errors(NotFound)(_not_found)
        self._klein.handle_errors(MethodNotAllowed)(_method_not_allowed)
        self._klein.handle_errors(RequestRedirect)(_not_found)
        self._fallback = self._klein.resource()
        self._table: dict[tuple[bytes, bytes], _Route] = {}
        self.unlimited: set[bytes] = set()

    def add(
        self,
        method: str,
        path: str,
        handler: _Handler[_Caller, _Parts],
        authorise: Authorise[_Caller],
        *,
        unlimited: bool = False,
    ) -> None:
        """
        Add a route.

        @param method: C{GET} (and so C{HEAD}), C{POST}, …
        @param path: Below the tree's prefix; C{<name>} and C{<path:name>} are parameters, as in
            werkzeug's routing, passed to the handler by name.
        @param handler: Called with the request and what C{authorise} said.
        @param authorise: Says who calls; L{twisted_aigate.web.auth.public} opens the route.
        @param unlimited: Rate limits pass over it; for a path without parameters.
        """
        self._add(method, path, _Route(handler, authorise))
        if unlimited:
            self.unlimited.add(path.encode("ascii"))

    def add_websocket(
        self, path: str, handler: _WebSocketHandler[_Caller], authorise: Authorise[_Caller]
    ) -> None:
        """
        Add a route that speaks WebSocket.

        @param path: As in L{add}, without parameters.
        @param handler: Called with the request, whose offer is a valid one, and what C{authorise}
            said. Until it returns, all is HTTP: what it raises is answered as any error.
        @param authorise: Says who calls.
        """

        async def offered(request: Request, caller: _Caller) -> WebSocketAnswer:
            offer_of(request)
            return await handler(request, caller)

        self._add("GET", path, _Route(offered, authorise, take_up))

    def _add(self, method: str, path: str, route: _Route) -> None:
        def endpoint(request: Request, **parts: str) -> Deferred[None]:
            return _start(route, request, parts)

        name = f"{method} {path}"
        self._klein.route(path, methods=[method], endpoint=name, strict_slashes=False)(endpoint)
        if "<" not in path:
            for known in (method, "HEAD") if method == "GET" else (method,):
                self._table[known.encode("ascii"), path.encode("ascii")] = route

    def authoriser(self, method: bytes, path: bytes) -> Authorise[Any] | None:
        """
        What says who may call a path.

        @param path: Below the tree's prefix, of a route without parameters.
        @return: C{None}: there is no such route.
        """
        route = self._table.get((method, path))
        return None if route is None else route.authorise

    def render(self, request: Request) -> int:
        """Find the route and start it."""
        route = self._table.get((request.method, request.subpath))
        if route is not None:
            _start(route, request, {})
            return int(NOT_DONE_YET)
        request.postpath = [unquote_to_bytes(part) for part in request.subpath[1:].split(b"/")]
        try:
            b"/".join(request.postpath).decode("utf-8")
        except UnicodeDecodeError:
            raise HTTPError(400, "The path is not UTF-8.") from None
        self._fallback.render(request)
        return int(NOT_DONE_YET)


def _start(route: _Route, request: Request, parts: dict[str, str]) -> Deferred[None]:
    request.running = running = Deferred.fromCoroutine(route.run(request, parts))
    running.addErrback(_unexpected)
    return running


def _unexpected(failure: Failure) -> None:
    _log.failure("a handler failed where nothing can be answered", failure)


def _not_found(request: IRequest, failure: Failure) -> NoReturn:
    raise HTTPError(404, f"There is nothing at this path for {request.method.decode('latin-1')}.")


def _method_not_allowed(request: IRequest, failure: Failure) -> NoReturn:
    allowed = sorted(getattr(failure.value, "valid_methods", None) or ())
    raise HTTPError(
        405,
        f"This path takes {' and '.join(allowed)}.",
        headers=((b"Allow", ", ".join(allowed).encode("ascii")),),
    )


class Forwarding:
    """
    Paths below a prefix that are answered as the rest of each alone would be.

    @param prefix: Below the tree's prefix, with slashes around it.
    @param readdress: Says who may, as a L{twisted_aigate.web.auth.Authorise} does, and gives the
        header fields that the request has from then on.
    @param rest: What renders all other paths.
    """

    def __init__(
        self,
        prefix: bytes,
        readdress: Callable[[Request, bytes], Awaitable[list[tuple[bytes, bytes]]]],
        rest: Router,
    ) -> None:
        self._prefix = prefix
        self._readdress = readdress
        self._rest = rest
        self._route = _Route(self._forwarded, public, _forward)

    def render(self, request: Request) -> int:
        """Find who answers, and have it start."""
        if not request.subpath.startswith(self._prefix):
            return self._rest.render(request)
        _start(self._route, request, {})
        return int(NOT_DONE_YET)

    async def _forwarded(self, request: Request, caller: None) -> bytes:
        path = request.subpath[len(self._prefix) - 1 :]
        request.fields = await self._readdress(request, path)
        # Whoever asked was let in: what the tree refuses is something else's key.
        request.keeps_login = True
        return path


async def _forward(request: Request, path: bytes) -> None:
    request.path = path
    request.running = None
    request.site.route(request)
    if request.channel is not None:
        # The time that it may take is that of another tree.
        request.channel.arm()
    if request.running is not None:
        await request.running


class CatchAll:
    """
    One handler for every method and path of a tree; a L{twisted_aigate.web.site.Renderer}.

    For trees whose paths are data, as object storage's are: no router may look into them.

    @param handler: Called with the request and what C{authorise} said.
    @param authorise: Says who calls.
    """

    def __init__(
        self,
        handler: Callable[[Request, _Caller], Awaitable[Reply]],
        authorise: Authorise[_Caller],
    ) -> None:
        self._route = _Route(handler, authorise)

    def render(self, request: Request) -> int:
        """Start the handler."""
        _start(self._route, request, {})
        return int(NOT_DONE_YET)

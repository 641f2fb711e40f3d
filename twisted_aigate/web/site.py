"""
The root: finds the tree of a request and gives it what all trees share.

In order: the id, the client's address, the tree, the tree's rate limit; then the tree's resource
renders. Every response, refusals of the parser too, carries the fields of L{Site.common_fields}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol
from wsgiref.handlers import format_date_time

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES
from zope.interface import implementer

from twisted_aigate.kernel.identifiers import current_request_id, request_id
from twisted_aigate.web.channel import Channel
from twisted_aigate.web.errors import ErrorFormat, HTTPError, RenderedError
from twisted_aigate.web.proxies import ClientAddresses
from twisted_aigate.web.ratelimit import Limiter
from twisted_aigate.web.request import Request
from twisted_aigate.web.traffic import Traffic


class Renderer(Protocol):
    """What a tree's requests are handed to; see L{twisted_aigate.web.routing.Router}."""

    def render(self, request: Request) -> object:
        """Answer C{request}, now or later; an exception is rendered as the tree words it."""


@frozen(eq=False)
class Tree:
    """
    A route tree as the root knows it.

    @ivar prefix: The first segment of its paths; empty for the tree that has all the rest.
    @ivar resource: What renders its requests.
    @ivar errors: How it words errors.
    @ivar limiter: Its rate-limit zone; C{None}: not limited.
    @ivar unlimited: Paths, below the prefix, that the limit passes over.
    @ivar timeout: Seconds that a response may make no progress; 0: no end.
    @ivar errors_for: How it words errors where that depends on the request; C{None}: as L{errors}.
    """

    prefix: bytes
    resource: Renderer
    errors: ErrorFormat
    limiter: Limiter | None
    unlimited: frozenset[bytes]
    timeout: float
    errors_for: Callable[[Request], ErrorFormat] | None = None


@implementer(IProtocolNegotiationFactory)
class Site(Factory):
    """
    All trees on one port.

    @param trees: The trees; one of them has the empty prefix.
    @param addresses: Finds out about clients what proxies tell.
    @param clock: What time it is.
    @ivar addresses: As given.
    @ivar traffic: Counts its requests.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self, trees: Iterable[Tree], addresses: ClientAddresses, clock: IReactorTime
    ) -> None:
        self.clock = clock
        self._trees = {tree.prefix: tree for tree in trees}
        self._default = self._trees[b""]
        self.addresses = addresses
        self.traffic = Traffic()
        self._channels: set[Channel] = set()
        self._drained: Deferred[None] | None = None
        self._date_at = -1
        self._date = b""

    def buildProtocol(self, addr: IAddress | None) -> Channel:
        """A connection came in."""
        return Channel(self)

    def acceptableProtocols(self) -> list[bytes]:
        """What is spoken under TLS (ALPN): without a word here, a client that offers is refused."""
        return [b"http/1.1"]

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._channels)

    # What channels say.

    def connected(self, channel: Channel) -> None:
        """A connection is open."""
        self._channels.add(channel)

    def disconnected(self, channel: Channel) -> None:
        """A connection is closed."""
        self._channels.discard(channel)
        if self._drained is not None and not self._channels:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def process(self, request: Request) -> None:
        """A request came: hand it to its tree."""
        request.started_at = self.clock.seconds()
        request.id = request_id(request.field(b"x-request-id"))
        token = current_request_id.set(request.id)
        try:
            self._route(request)
        except Exception:
            self.failed(request, Failure())
        finally:
            current_request_id.reset(token)

    def _route(self, request: Request) -> None:
        request.errors = self._default.errors
        request.client_address = self.addresses.find(
            request.client,
            request.joined_field(b"x-forwarded-for"),
            request.field(b"cf-connecting-ip"),
        )
        self.route(request)

    def route(self, request: Request) -> None:
        """
        Hand a request to the tree of its path, within that tree's limits.

        A tree that has given a request another path hands it on by this.
        """
        path = request.path
        end = path.find(b"/", 1)
        first = path[1:end] if end > 0 else path[1:]
        tree = self._trees.get(first, self._default)
        request.tree_prefix = tree.prefix
        request.timeout = tree.timeout
        below = path[len(tree.prefix) + 1 :] if tree.prefix else path
        request.subpath = below
        request.errors = tree.errors if tree.errors_for is None else tree.errors_for(request)
        request.prepath = [tree.prefix] if tree.prefix else []
        if tree.limiter is not None and below not in tree.unlimited:
            taken = tree.limiter.take(request.client_address)
            if taken is not None:
                waiting = Deferred.fromCoroutine(self._render_when(taken, request, tree))
                if not waiting.called:
                    request.running = waiting
                return
        tree.resource.render(request)

    async def _render_when(self, taken: Deferred[None], request: Request, tree: Tree) -> None:
        try:
            await taken
            tree.resource.render(request)
        except CancelledError:
            if not request.is_gone:
                reason = request.interruption
                self.failed(request, Failure() if reason is None else Failure(reason))
        except Exception:
            self.failed(request, Failure())

    def failed(self, request: Request, reason: Failure) -> None:
        """
        A request failed: answer in its tree's format.

        The connection is cut when the answer has begun; what no client may see is logged and
        becomes a 500.
        """
        error = reason.value
        rendered = request.errors(error, request.id) if isinstance(error, Exception) else None
        if rendered is None:
            self._log.failure(
                "{method} {path} failed",
                reason,
                method=request.method.decode("latin-1"),
                path=request.path.decode("latin-1"),
                request_id=request.id,
            )
            internal = HTTPError(500, f"Internal error. The request's id is {request.id}.")
            rendered = request.errors(internal, request.id)
        if request.is_gone:
            return
        if request.startedWriting or rendered is None:
            request.abort()
            return
        fields = ((b"Content-Type", rendered.content_type), *rendered.headers)
        request.respond(rendered.status, fields, rendered.body)

    def answered(self, request: Request) -> None:
        """A request is over: it is counted, and has a line in the log."""
        seconds = self.clock.seconds() - request.started_at
        status = 499 if request.is_gone else request.code
        self.traffic.count(request.tree_prefix, request.method, status, seconds)
        self._log.info(
            "{method} {path} {status} {bytes} B {milliseconds} ms {client}",
            method=request.method.decode("latin-1"),
            path=request.path.decode("latin-1"),
            status=status,
            bytes=request.sentLength,
            milliseconds=round(seconds * 1000, 1),
            client=request.client_address,
            request_id=request.id,
        )

    # Responses.

    def common_fields(self, request_id: str) -> bytes:
        """The header lines that every response has."""
        now = int(self.clock.seconds())
        if now != self._date_at:
            self._date_at = now
            self._date = format_date_time(now).encode("ascii")
        return (
            b"Date: %b\r\nServer: aigate\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %b"
            % (self._date, request_id.encode("ascii"))
        )

    def refusal(self, error: HTTPError) -> bytes:
        """The whole response to bytes that are no request."""
        fresh = request_id(None)
        self.traffic.refused += 1
        self._log.info(
            "refused {status}: {reason}",
            status=error.status,
            reason=error.message,
            request_id=fresh,
        )
        rendered = self._default.errors(error, fresh)
        assert isinstance(rendered, RenderedError)
        return (
            b"HTTP/1.1 %d %b\r\n%b\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b"
        ) % (
            rendered.status,
            RESPONSES.get(rendered.status, b"Unknown"),
            self.common_fields(fresh),
            rendered.content_type,
            len(rendered.body),
            rendered.body,
        )

    # Stopping.

    def drain(self) -> Deferred[None]:
        """
        Let every connection finish the request in hand, then close it.

        @return: Fires when no connection is left.
        """
        drained: Deferred[None] = Deferred()
        if not self._channels:
            drained.callback(None)
            return drained
        self._drained = drained
        for channel in list(self._channels):
            channel.drain()
        return drained

    def abort(self) -> None:
        """Cut every connection."""
        for channel in list(self._channels):
            channel.abort()

"""A site under test, and connections to it that a test writes bytes to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.web.resource import IResource

from tests.support.answers import Answer, parse_answers
from tests.support.transports import MemoryTransport
from twisted_aigate.web.auth import public
from twisted_aigate.web.errors import HTTPError, RenderedError
from twisted_aigate.web.proxies import ClientAddresses, Network
from twisted_aigate.web.ratelimit import Limiter
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Site, Tree

TIMEOUT = 600.0


def render_root_error(error: Exception, request_id: str) -> RenderedError | None:
    """How the tree with the empty prefix words errors here."""
    if not isinstance(error, HTTPError):
        return None
    body = msgspec.json.encode({"root": error.message, "id": request_id})
    return RenderedError(error.status, body, headers=error.headers)


def render_plain_error(error: Exception, request_id: str) -> RenderedError | None:
    """How another tree does: no JSON at all."""
    if not isinstance(error, HTTPError):
        return None
    return RenderedError(
        error.status, f"plain: {error.message}".encode(), b"text/plain", error.headers
    )


def make_site(
    clock: Clock,
    resource: IResource,
    *,
    limiter: Limiter | None = None,
    unlimited: Iterable[bytes] = (),
    timeout: float = TIMEOUT,
    trusted: Iterable[Network] = (),
    others: Iterable[Tree] = (),
) -> Site:
    """A site whose tree with the empty prefix is C{resource}."""
    root = Tree(b"", resource, render_root_error, limiter, frozenset(unlimited), timeout)
    return Site([root, *others], ClientAddresses(tuple(trusted)), clock)


class Wire:
    """
    A client's connection to a site.

    @ivar transport: The server's end of it.
    """

    def __init__(self, site: Site, clock: Clock, peer: IAddress | None = None) -> None:
        self.transport = MemoryTransport(clock, peer)
        self.transport.connect(site.buildProtocol(self.transport.getPeer()))

    def send(self, *pieces: bytes) -> None:
        """Send bytes, each piece as a segment of its own."""
        for piece in pieces:
            self.transport.receive(piece)

    def answers(self, *, to_head: bool = False) -> list[Answer]:
        """All that has been answered."""
        return parse_answers(bytes(self.transport.sent), to_head=to_head)

    def answer(self, *, to_head: bool = False) -> Answer:
        """The only answer."""
        answers = self.answers(to_head=to_head)
        assert len(answers) == 1, f"{len(answers)} answers: {answers}"
        return answers[0]

    @property
    def statuses(self) -> list[int]:
        """The answers' statuses."""
        return [answer.status for answer in self.answers()]


def get(path: str = "/hello", *lines: str, version: str = "1.1") -> bytes:
    """A C{GET}, as bytes."""
    return head("GET", path, *lines, version=version)


def post(path: str, body: bytes, *lines: str) -> bytes:
    """A C{POST} with its length told, as bytes."""
    return head("POST", path, f"Content-Length: {len(body)}", *lines) + body


def head(method: str, path: str, *lines: str, version: str = "1.1") -> bytes:
    """A request's head, as bytes."""
    return "\r\n".join((f"{method} {path} HTTP/{version}", "Host: test", *lines, "", "")).encode(
        "latin-1"
    )


class Handlers:
    """
    Routes for tests of the edge, and what came to them.

    @ivar seen: The requests that reached a handler, in order.
    @ivar ended: The paths of handlers whose C{finally} ran.
    @ivar bodies: The bodies that were read whole.
    @ivar gates: What the handlers of C{/wait} wait for, in order.
    @ivar limit: The most bytes of a body that C{/read} takes.
    """

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.ended: list[bytes] = []
        self.bodies: list[bytes] = []
        self.gates: list[Deferred[None]] = []
        self.limit = 0
        self.router = Router()
        self.router.add("GET", "/hello", self.hello, public)
        self.router.add("GET", "/n/<number>", self.number, public)
        self.router.add("GET", "/wait", self.wait, public)
        self.router.add("POST", "/ignore", self.hello, public)
        self.router.add("POST", "/wait", self.wait, public)
        self.router.add("POST", "/read", self.read, public)

    async def hello(self, request: Request, caller: None) -> Reply:
        """Answer at once, without a look at the body."""
        self.seen.append(request)
        return json_reply({"hello": "world"})

    async def number(self, request: Request, caller: None, number: str) -> Reply:
        """Answer with a part of the path."""
        self.seen.append(request)
        return Reply(number.encode(), b"text/plain")

    async def wait(self, request: Request, caller: None) -> Reply:
        """Answer when the test says so."""
        self.seen.append(request)
        gate: Deferred[None] = Deferred()
        self.gates.append(gate)
        try:
            await gate
        finally:
            self.ended.append(request.path)
        return json_reply("waited")

    async def read(self, request: Request, caller: None) -> Reply:
        """Answer with the length of the body."""
        self.seen.append(request)
        try:
            body = await request.body.read(self.limit)
        finally:
            self.ended.append(request.path)
        self.bodies.append(body)
        return json_reply(len(body))

"""A site with WebSocket routes, and a client that offers to speak to them."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, make_site
from tests.support.websockets import OFFER, Ears, Frame, frames
from twisted_aigate.kernel.websocket import IWebSocket
from twisted_aigate.web.auth import public, unauthorized
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.request import Request
from twisted_aigate.web.websocket.answer import WebSocketAnswer


def forbidden(request: Request) -> None:
    raise unauthorized("Nobody may.")


class WebSocketCase(SynchronousTestCase):
    """
    A connection to a site.

    C{/ws} takes offers up at once, C{/later} when the test fires C{gate}, C{/never} and C{/locked}
    refuse them.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        router = self.handlers.router
        router.add_websocket("/ws", self.take, public)
        router.add_websocket("/later", self.take_later, public)
        router.add_websocket("/never", self.refuse, public)
        router.add_websocket("/locked", self.take, forbidden)
        self.site = make_site(self.clock, router)
        self.wire = Wire(self.site, self.clock)
        self.ears = Ears()
        self.sockets: list[IWebSocket] = []
        self.gate: Deferred[None] = Deferred()
        self.subprotocol: str | None = None

    def opened(self, socket: IWebSocket) -> None:
        self.sockets.append(socket)
        socket.start(self.ears)

    async def take(self, request: Request, caller: None) -> WebSocketAnswer:
        return WebSocketAnswer(self.opened, self.subprotocol, ((b"X-Extra", b"yes"),))

    async def take_later(self, request: Request, caller: None) -> WebSocketAnswer:
        await self.gate
        return await self.take(request, caller)

    async def refuse(self, request: Request, caller: None) -> WebSocketAnswer:
        raise HTTPError(429, "Not now.")

    def offer(self, path: str = "/ws", *lines: str) -> bytes:
        return get(path, *OFFER, *lines)

    def open(self) -> IWebSocket:
        """A WebSocket, open, with nothing of its opening left in what was sent."""
        self.wire.send(self.offer())
        self.wire.transport.sent.clear()
        return self.sockets[0]

    def head(self) -> list[str]:
        """The lines of the answer's head."""
        return bytes(self.wire.transport.sent).split(b"\r\n\r\n")[0].decode().split("\r\n")

    def frames(self) -> list[Frame]:
        """What was sent since it is open."""
        return frames(bytes(self.wire.transport.sent))

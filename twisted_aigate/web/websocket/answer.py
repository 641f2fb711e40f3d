"""What a handler answers to an offer, and how it is taken up."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred

from twisted_aigate.kernel.websocket import IWebSocket
from twisted_aigate.web.errors import Headers, HTTPError
from twisted_aigate.web.request import Request
from twisted_aigate.web.websocket.offer import WebSocketOffer

_UPGRADE: Headers = (
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Version", b"13"),
)


@frozen
class WebSocketAnswer:
    """
    Takes an offer up.

    @ivar opened: Called once with the socket, which it is to L{IWebSocket.start}; whatever the
        handler has opened for it is from then on its to close.
    @ivar subprotocol: The one that is spoken, of those that were offered.
    @ivar headers: Header fields of the answer.
    """

    opened: Callable[[IWebSocket], object]
    subprotocol: str | None = None
    headers: Headers = ()


def offer_of(request: Request) -> WebSocketOffer:
    """
    What a request to a WebSocket's route offers.

    @raise HTTPError: 426: nothing that can be taken up.
    """
    if request.offer is None:
        message = "This path speaks WebSocket alone: connect to it as ws:// or wss://."
        raise HTTPError(426, message, headers=_UPGRADE)
    return request.offer


async def take_up(request: Request, answer: WebSocketAnswer) -> None:
    """
    Speak WebSocket on a request's connection, until that is gone.

    @param request: One that L{offer_of} lets pass.
    """
    # Imported when it is first needed: it costs a third of a second, and fetches the reactor.
    from twisted_aigate.web.websocket.end import ServerEnd

    over: Deferred[None] = Deferred()
    common = request.site.common_fields(request.id).decode("ascii")
    fields = dict(line.split(": ", 1) for line in common.split("\r\n"))
    fields.update((name.decode("ascii"), value.decode("latin-1")) for name, value in answer.headers)
    end = ServerEnd(
        request.site.clock,
        offer_of(request),
        answer.subprotocol,
        fields,
        answer.opened,
        lambda: over.callback(None),
    )
    request.switch_protocols(end)
    await over
    request.sentLength = end.sent_bytes
    request.finish()

"""What a handler answers, and how it is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from attrs import frozen
from twisted.internet.defer import CancelledError
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.units import KB
from twisted_aigate.web.errors import Headers
from twisted_aigate.web.request import Request

_encoder = msgspec.json.Encoder()

JSON = b"application/json"
_PIECE = 64 * KB


@frozen
class Reply:
    """
    An answer.

    @ivar body: All of it, or a push producer that makes it as the client takes it.
    @ivar content_type: Its media type; empty for an answer without a body.
    @ivar status: The HTTP status.
    @ivar headers: More header fields.
    @ivar head_length: For the answer to a C{HEAD}: the length of the body that a C{GET} would get.
    """

    body: bytes | IBodyProducer
    content_type: bytes = JSON
    status: int = 200
    headers: Headers = ()
    head_length: int | None = None


def json_reply(value: Any, status: int = 200, headers: Headers = ()) -> Reply:
    """Answer with a value as JSON."""
    return Reply(_encoder.encode(value), JSON, status, headers)


def _in_pieces(body: bytes) -> IBodyProducer:
    async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
        for start in range(0, len(body), _PIECE):
            await producer.ready()
            write(body[start : start + _PIECE])

    return CoroutineProducer(len(body), produce)


async def send(request: Request, reply: Reply) -> None:
    """
    Send an answer.

    When the producer fails in the middle the connection is cut, since only that tells the client
    that what it has is not whole.

    @raise CancelledError: The client left, or the response made no progress for too long.
    """
    fields = reply.headers
    if reply.content_type:
        fields = ((b"Content-Type", reply.content_type), *fields)
    body = reply.body
    if isinstance(body, bytes):
        if reply.head_length is not None:
            length = (b"Content-Length", b"%d" % reply.head_length)
            request.begin(reply.status, (*fields, length))
            request.finish()
            return
        if len(body) <= _PIECE:
            request.respond(reply.status, fields, body)
            return
        # In one piece it would be out of our hands at once, and whether a slow client still takes
        # it could not be seen.
        body = _in_pieces(body)
    if body.length is not UNKNOWN_LENGTH:
        fields = (*fields, (b"Content-Length", b"%d" % body.length))
    request.begin(reply.status, fields)
    request.registerProducer(body, True)
    try:
        await body.startProducing(request)
    except CancelledError:
        body.stopProducing()
        raise
    finally:
        request.unregisterProducer()
    request.finish()

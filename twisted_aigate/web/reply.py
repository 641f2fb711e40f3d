"""What a handler answers, and how it is sent."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import frozen
from twisted.internet.defer import CancelledError
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from twisted_aigate.web.errors import Headers
from twisted_aigate.web.request import Request

_encoder = msgspec.json.Encoder()

JSON = b"application/json"


@frozen
class Reply:
    """
    An answer.

    @ivar body: All of it, or a push producer that makes it as the client takes it.
    @ivar content_type: Its media type.
    @ivar status: The HTTP status.
    @ivar headers: More header fields.
    """

    body: bytes | IBodyProducer
    content_type: bytes = JSON
    status: int = 200
    headers: Headers = ()


def json_reply(value: Any, status: int = 200, headers: Headers = ()) -> Reply:
    """Answer with a value as JSON."""
    return Reply(_encoder.encode(value), JSON, status, headers)


async def send(request: Request, reply: Reply) -> None:
    """
    Send an answer.

    When the producer fails in the middle the connection is cut, since only that tells the client
    that what it has is not whole.

    @raise CancelledError: The client left, or the response made no progress for too long.
    """
    fields = ((b"Content-Type", reply.content_type), *reply.headers)
    body = reply.body
    if isinstance(body, bytes):
        request.respond(reply.status, fields, body)
        return
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

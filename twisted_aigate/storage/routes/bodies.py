"""Bodies of requests: how they are framed, what they must hash to, what is said beside them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from attrs import frozen
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from twisted_aigate.storage.routes.caller import Caller
from twisted_aigate.storage.s3.chunked import AwsChunkedDecoder, decoder_for
from twisted_aigate.storage.s3.digester import Announced, Digester, announced
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders
from twisted_aigate.web.request import Request

_KEPT = ("cache-control", "content-disposition", "content-language", "expires")
_META = b"x-amz-meta-"
_MOST_META = 2048
"""Bytes of all C{x-amz-meta-*} names and values, as S3 has it."""

_MOST_TAGS = 10
_REFUSED = (
    b"x-amz-server-side-encryption",
    b"x-amz-object-lock-",
    b"x-amz-website-redirect-location",
    b"x-amz-grant-",
    b"x-amz-write-offset-bytes",
)
_ACLS = (b"private", b"bucket-owner-full-control", b"bucket-owner-read")


@frozen
class Body:
    """
    A body that is to be stored.

    @ivar announced: What the client says of it.
    @ivar decoder: Takes the C{aws-chunked} framing off; C{None}: there is none.
    @ivar length: Bytes without framing; C{None}: not told.
    """

    announced: Announced
    decoder: AwsChunkedDecoder | None
    length: int | None

    def digester(self) -> Digester:
        """What hashes it."""
        return Digester(self.announced)


def read_body(request: Request, caller: Caller, *, of_body: bool = True) -> Body:
    """
    How a request's body is framed, and what it must be.

    @param of_body: What the headers announce is about this body, and not about an object.
    @raise S3Error: What the client says of it cannot be.
    """
    signed = caller.signed
    secret = caller.key.secret.reveal() if caller.key is not None else ""
    decoder = decoder_for(signed, caller.credential, secret)
    length = request.body.length
    if decoder is not None:
        text = request.field(b"x-amz-decoded-content-length") or b""
        length = int(text) if text.isdigit() else None
    about = announced(signed, caller.credential) if of_body else Announced()
    return Body(about, decoder, length)


@implementer(IConsumer)
class _Collector:
    def __init__(self, decoder: AwsChunkedDecoder | None, digester: Digester) -> None:
        self.parts: list[bytes] = []
        self._decoder = decoder
        self._digester = digester

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        for piece in [data] if self._decoder is None else self._decoder.feed(data):
            self._digester.update(piece)
            self.parts.append(piece)


async def whole_body(
    request: Request, caller: Caller, limit: int, *, of_body: bool = True
) -> bytes:
    """
    A small body as a whole, checked.

    @param limit: The most bytes that it may have.
    @param of_body: As for L{read_body}.
    @raise S3Error: It is not what was announced.
    @raise HTTPError: 413.
    """
    body = read_body(request, caller, of_body=of_body)
    digester = body.digester()
    collector = _Collector(body.decoder, digester)
    await request.body.deliver(collector, limit)
    trailers = {}
    if body.decoder is not None:
        body.decoder.finish()
        trailers = body.decoder.trailers
    digester.verify(trailers)
    return b"".join(collector.parts)


def parse_tags(text: str) -> dict[str, str]:
    """
    Tags as C{x-amz-tagging} has them.

    @raise S3Error: C{InvalidTag}.
    """
    pairs = parse_qsl(text, keep_blank_values=True)
    return checked_tags(pairs)


def checked_tags(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """
    Tags that S3 would take.

    @raise S3Error: C{InvalidTag}: too many, too long, or one twice.
    """
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise S3Error(ErrorCode.InvalidTag, "A tag's key is given twice.")
    if len(tags) > _MOST_TAGS:
        raise S3Error(ErrorCode.InvalidTag, f"An object has at most {_MOST_TAGS} tags.")
    for key, value in pairs:
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise S3Error(ErrorCode.InvalidTag, "A tag's key or value is too long, or empty.")
    return tags


def check_offered(request: Request) -> None:
    """
    Refuse what a request asks for and this store does not have, rather than drop it.

    @raise S3Error: C{NotImplemented}.
    """
    for name, value in request.fields:
        if name.startswith(_REFUSED) and value:
            raise S3Error(ErrorCode.NotImplemented, f"{name.decode('latin-1')} is not offered.")
        if name == b"x-amz-storage-class" and value not in (b"", b"STANDARD"):
            raise S3Error(ErrorCode.NotImplemented, "The only storage class is STANDARD.")
        if name == b"x-amz-acl" and value not in _ACLS:
            raise S3Error(ErrorCode.NotImplemented, "Access control lists are not offered.")


def object_headers(request: Request) -> ObjectHeaders:
    """
    What a request says of an object beside its bytes.

    @raise S3Error: It is too much.
    """
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    media_type = None
    tags: dict[str, str] = {}
    for name, value in request.fields:
        text = _text(value)
        if name == b"content-type":
            media_type = text or None
        elif name == b"content-encoding":
            encodings = [part.strip() for part in text.split(",")]
            left = ", ".join(part for part in encodings if part and part != "aws-chunked")
            if left:
                headers["content-encoding"] = left
        elif name.startswith(_META):
            key = name.removeprefix(_META).decode("latin-1")
            # A field that comes twice is a list (RFC 9110, 5.3).
            metadata[key] = f"{metadata[key]},{text}" if key in metadata else text
        elif name == b"x-amz-tagging":
            tags = parse_tags(text)
        elif name.decode("latin-1") in _KEPT:
            headers[name.decode("latin-1")] = text
    size = sum(len(key) + len(value.encode("utf-8")) for key, value in metadata.items())
    if size > _MOST_META:
        raise S3Error(
            ErrorCode.MetadataTooLarge,
            extra={"Size": str(size), "MaxSizeAllowed": str(_MOST_META)},
        )
    return ObjectHeaders(media_type, headers, metadata, tags)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")

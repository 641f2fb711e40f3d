"""
Canonical requests of Signature Version 4, for S3.

A client signs its own canonical form of what it sends, and clients differ: some sign the path as
it is on the wire, some what they get by decoding and encoding it again. Each form here is one that
addresses what the request addresses, so that none lets a signature open anything else:

  - A path is taken as it came, or each segment of it decoded once and encoded once. A path that
    was signed decoded or encoded twice is refused: it is the wire form of another key.
  - C{%2F} stays within its segment: it does not become a C{/} that moves the bucket's end.
  - In a query C{+} is a space, here and in L{parse_query}, which is what the routes read.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from urllib.parse import quote_from_bytes, unquote_to_bytes

from attrs import frozen

from twisted_aigate.storage.s3.errors import ErrorCode, S3Error


@frozen
class SignedRequest:
    """
    A request exactly as the client sent it.

    @ivar method: In upper case.
    @ivar raw_path: The path, percent-encoded as on the wire, from its first C{/} to the C{?}; what
        stands before the bucket (C{/storage}) included.
    @ivar raw_query: What follows the C{?}, as on the wire; empty without one.
    @ivar headers: Names in lower case, in the order in which they came.
    """

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: Sequence[tuple[bytes, bytes]]

    def values(self, name: bytes) -> list[bytes]:
        """
        A header field's values, one for each time that it was sent.

        @param name: In lower case.
        """
        return [value for key, value in self.headers if key == name]


def encode(value: bytes, safe: str = "") -> bytes:
    """
    Percent-encode as Signature V4 has it: all but the unreserved characters, in upper case.

    @param safe: Characters that stay, besides.
    """
    return quote_from_bytes(value, safe=safe).encode("ascii")


def decode_query(value: bytes) -> bytes:
    """Decode a name or a value of a query; C{+} is a space."""
    return unquote_to_bytes(value.replace(b"+", b" "))


def _pairs(raw_query: bytes) -> list[tuple[bytes, bytes]]:
    parts = (part.partition(b"=") for part in raw_query.split(b"&") if part)
    return [(name, value) for name, _, value in parts]


def parse_query(raw_query: bytes) -> list[tuple[bytes, bytes]]:
    """
    A query's names and values, decoded as they are when its signature is checked.

    @return: In the order in which they came; a name without C{=} has an empty value.
    """
    return [(decode_query(name), decode_query(value)) for name, value in _pairs(raw_query)]


def _forms(first: bytes, second: bytes) -> tuple[bytes, ...]:
    return (first,) if first == second else (first, second)


def path_forms(raw_path: bytes) -> tuple[bytes, ...]:
    """
    What a client may have signed as this path.

    @return: The wire's form, then the normal one if it differs.
    """
    if b"%" not in raw_path:
        normal = encode(raw_path, "/")
    else:
        normal = b"/".join(encode(unquote_to_bytes(part)) for part in raw_path.split(b"/"))
    return _forms(raw_path, normal)


def query_forms(raw_query: bytes, omit: bytes | None = None) -> tuple[bytes, ...]:
    """
    What a client may have signed as this query.

    @param omit: A name to leave out, decoded: the signature's own in a presigned request.
    @return: The normal form, then the wire's, sorted, if it differs.
    """
    if not raw_query:
        return (b"",)
    wire = [(name, value) for name, value in _pairs(raw_query) if decode_query(name) != omit]
    normal = [(encode(decode_query(name)), encode(decode_query(value))) for name, value in wire]
    first, second = (
        b"&".join(b"%s=%s" % pair for pair in sorted(pairs)) for pairs in (normal, wire)
    )
    return _forms(first, second)


def header_forms(request: SignedRequest, names: Sequence[bytes]) -> tuple[bytes, ...]:
    """
    What a client may have signed as these header fields.

    @param names: In the order in which the client lists them.
    @return: The normal form, then the one in which runs of spaces within values stay (s3cmd), if
        it differs.
    @raise S3Error: A field is not there.
    """
    found: dict[bytes, list[bytes]] = {name: [] for name in names}
    for name, value in request.headers:
        if name in found:
            found[name].append(value)
    normal = kept = b""
    for name, values in found.items():
        if not values:
            raise S3Error(
                ErrorCode.SignatureDoesNotMatch,
                f"A signed header is not in the request: {name.decode('latin-1')}.",
            )
        normal += b"%s:%s\n" % (name, b",".join([b" ".join(value.split()) for value in values]))
        kept += b"%s:%s\n" % (name, b",".join([value.strip() for value in values]))
    return _forms(normal, kept)


def canonical_requests(
    request: SignedRequest,
    signed_headers: Sequence[bytes],
    payload_hash: bytes,
    omit: bytes | None = None,
) -> Iterator[bytes]:
    """
    The canonical requests that a client may have signed for this one, the likeliest first.

    @param signed_headers: Names in lower case, in the client's order.
    @param payload_hash: The payload's hash, or the literal that stands for it.
    @param omit: A name to leave out of the query.
    @return: Eight at most; nearly always one.
    @raise S3Error: A signed header is not in the request.
    """
    tail = b"%s\n%s" % (b";".join(signed_headers), payload_hash)
    method = request.method.encode("latin-1")
    for path, query, headers in product(
        path_forms(request.raw_path),
        query_forms(request.raw_query, omit),
        header_forms(request, signed_headers),
    ):
        yield b"%s\n%s\n%s\n%s\n%s" % (method, path, query, headers, tail)

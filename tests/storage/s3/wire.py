"""Requests as they reach us, made by hand or by the signers of botocore."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
from attrs import evolve
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.credential import Credential, parse_authorization
from twisted_aigate.storage.s3.signature import verify

ACCESS_KEY = "uploads"
SECRET = "swordfish/+=é"
ENDPOINT = "http://localhost:4000/storage"

KEYS = (
    "plain.txt",
    "with space",
    "a+b",
    "100%",
    "a%20b",
    "%2F",
    "a&b=c",
    "a//b",
    "slash/",
    "x/../y",
    "..",
    "./a",
    "naïve/日本語/😀",
    "~tilde*star'quote(paren)!",
    'semi;colon:at@comma,dollar$"quote"<>[]{}|\\^`',
    "question?mark#hash",
    "\x01control\x7f",
    "k" * 1024,
)


def received(
    method: str, url: str, headers: Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
) -> SignedRequest:
    """The request that a client makes of a URL and headers: it adds the host."""
    parts = urlsplit(url)
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields = [
        (name.lower().encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in pairs
    ]
    if not any(name == b"host" for name, _ in fields):
        fields.insert(0, (b"host", parts.netloc.encode()))
    target = url.split("://", 1)[1]
    raw_path, _, raw_query = target[target.index("/") :].partition("?")
    return SignedRequest(method, raw_path.encode(), raw_query.encode(), fields)


def signed(
    method: str = "GET",
    key: str = "key",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    data: bytes = b"",
    region: str = "us-east-1",
) -> SignedRequest:
    """A request that botocore signed in its header."""
    url = f"{ENDPOINT}/uploads/{quote(key, safe='/~')}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, headers=dict(headers or {}), data=data)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET), "s3", region).add_auth(request)
    return received(method, request.url, request.headers.items())


def presigned(
    method: str = "GET",
    key: str = "key",
    expires: int = 3600,
    headers: Mapping[str, str] | None = None,
) -> SignedRequest:
    """A request whose URL botocore presigned."""
    url = f"{ENDPOINT}/uploads/{quote(key, safe='/~')}"
    request = AWSRequest(method=method, url=url, headers=dict(headers or {}))
    S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET), "s3", "us-east-1", expires).add_auth(request)
    return received(method, request.url, request.headers.items())


def parsed(request: SignedRequest) -> Credential:
    """The request's credential, which it must have."""
    credential = parse_authorization(request)
    assert credential is not None
    return credential


def accept(request: SignedRequest, secret: str = SECRET, after: float = 0) -> Credential:
    """Parse and verify a request, so many seconds after it was signed."""
    credential = parsed(request)
    verify(request, credential, secret, credential.issued_at + after)
    return credential


def with_header(request: SignedRequest, name: bytes, value: bytes | None) -> SignedRequest:
    """The request with a header field put in, replaced or, for C{None}, taken out."""
    headers = [pair for pair in request.headers if pair[0] != name]
    if value is not None:
        headers.append((name, value))
    return evolve(request, headers=headers)


def client(endpoint: str = ENDPOINT, **s3: Any) -> Any:
    """A client of boto3."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        region_name="eu-central-1",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path", **s3},
            retries={"max_attempts": 1},
        ),
    )


class _Raw:
    def __init__(self) -> None:
        self.status = 200

    def stream(self, **_: object) -> list[bytes]:
        return []

    def read(self, *_: object) -> bytes:
        return b""


def captured(
    operation: Callable[[Any], object], endpoint: str = ENDPOINT, **s3: Any
) -> tuple[SignedRequest, bytes]:
    """
    What boto3 sends for an operation, without sending it.

    @return: The request and its body as on the wire, the HTTP's own chunking aside.
    """
    found: list[tuple[SignedRequest, bytes]] = []

    def keep(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = request.body or b""
        if not isinstance(body, bytes | bytearray):
            body = body.read()
        pairs = [(name, value) for name, value in request.headers.items()]
        found.append((received(request.method, request.url, pairs), bytes(body)))
        return AWSResponse(request.url, 200, {}, _Raw())

    s3_client = client(endpoint, **s3)
    s3_client.meta.events.register("before-send.s3", keep)
    try:
        operation(s3_client)
    except Exception:
        # The empty answer does not parse as every operation's result.
        if not found:
            raise
    return found[0]

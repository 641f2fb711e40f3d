"""
Signature Version 4: that a request is signed by who it says, and in time.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html}
@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html}
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache

from twisted_aigate.storage.s3.canonical import SignedRequest, canonical_requests
from twisted_aigate.storage.s3.credential import ALGORITHM, SIGNATURE_PARAMETER, Credential
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.payload import CONTENT_HASH

MOST_SKEW = 15 * 60
"""Seconds by which a client's clock may differ from ours."""


@lru_cache(maxsize=256)
def signing_key(secret: str, date: str, region: str) -> bytes:
    """
    The key that signs a day's requests to S3 in a region.

    @param date: C{YYYYMMDD}.
    """
    key = b"AWS4" + secret.encode("utf-8")
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8"), "sha256")
    return key


def sign(key: bytes, *lines: bytes) -> bytes:
    """
    Sign a string.

    @param key: From L{signing_key}.
    @param lines: The string's lines.
    @return: The signature in hex.
    """
    return hmac.digest(key, b"\n".join(lines), "sha256").hex().encode("ascii")


def sign_request(key: bytes, timestamp: str, scope: str, canonical: bytes) -> bytes:
    """
    Sign a canonical request.

    @param key: From L{signing_key}.
    @return: The signature in hex.
    """
    digest = hashlib.sha256(canonical).hexdigest()
    return sign(
        key, ALGORITHM, timestamp.encode("ascii"), scope.encode("ascii"), digest.encode("ascii")
    )


def verify(request: SignedRequest, credential: Credential, secret: str, now: float) -> None:
    """
    Check a request's signature and its time.

    The body is not looked at: what C{x-amz-content-sha256} says of it is the caller's to check,
    with L{Digester <twisted_aigate.storage.s3.digester.Digester>} and
    L{AwsChunkedDecoder <twisted_aigate.storage.s3.chunked.AwsChunkedDecoder>}.

    @param credential: What L{parse_authorization
        <twisted_aigate.storage.s3.credential.parse_authorization>} made of the request.
    @param secret: The secret of C{credential.access_key}.
    @param now: Seconds since the epoch.
    @raise S3Error: It is not to be served.
    """
    if credential.expires is None:
        _check_skew(credential, now)
    else:
        _check_expiry(credential, credential.expires, now)
    _check_signed_headers(request, credential)
    key = signing_key(secret, credential.date, credential.region)
    for canonical in canonical_requests(
        request,
        credential.signed_headers,
        credential.payload_hash,
        SIGNATURE_PARAMETER if credential.presigned else None,
    ):
        expected = sign_request(key, credential.timestamp, credential.scope, canonical)
        if hmac.compare_digest(expected, credential.signature):
            return
    raise S3Error(ErrorCode.SignatureDoesNotMatch)


def iso_time(moment: float) -> str:
    """A time as errors tell it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_skew(credential: Credential, now: float) -> None:
    if abs(now - credential.issued_at) > MOST_SKEW:
        raise S3Error(
            ErrorCode.RequestTimeTooSkewed,
            extra={
                "RequestTime": credential.timestamp,
                "ServerTime": iso_time(now),
                "MaxAllowedSkewMilliseconds": str(MOST_SKEW * 1000),
            },
        )


def _check_expiry(credential: Credential, expires: int, now: float) -> None:
    if credential.issued_at - now > MOST_SKEW:
        raise S3Error(
            ErrorCode.AccessDenied,
            "Request is not yet valid.",
            extra={"ServerTime": iso_time(now)},
        )
    if now > credential.issued_at + expires:
        raise S3Error(
            ErrorCode.AccessDenied,
            "Request has expired.",
            extra={
                "X-Amz-Expires": str(expires),
                "Expires": iso_time(credential.issued_at + expires),
                "ServerTime": iso_time(now),
            },
        )


def _check_signed_headers(request: SignedRequest, credential: Credential) -> None:
    """
    Refuse what an onlooker could have put in: C{host} and all of C{x-amz-*} are signed.

    Of a request that is signed in its header, C{x-amz-content-sha256} is part of what is signed in
    any case.
    """
    unsigned = {name for name, _ in request.headers if name.startswith(b"x-amz-")}
    unsigned.add(b"host")
    unsigned.difference_update(credential.signed_headers)
    if not credential.presigned:
        unsigned.discard(CONTENT_HASH)
    if unsigned:
        names = ", ".join(sorted(name.decode("latin-1") for name in unsigned))
        raise S3Error(
            ErrorCode.AccessDenied,
            "There were headers present in the request which were not signed.",
            extra={"HeadersNotSigned": names},
        )

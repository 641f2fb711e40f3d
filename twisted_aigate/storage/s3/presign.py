"""
Presigned URLs.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html}
"""

from __future__ import annotations

from datetime import UTC, datetime

from twisted_aigate.storage.s3.canonical import SignedRequest, canonical_requests, encode
from twisted_aigate.storage.s3.credential import ALGORITHM, MOST_EXPIRES, SIGNATURE_PARAMETER
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.payload import PayloadMode
from twisted_aigate.storage.s3.signature import sign_request, signing_key

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def presign(
    method: str,
    scheme_host: str,
    raw_path: bytes,
    access_key: str,
    secret: str,
    region: str,
    expires: int,
    now: float,
) -> str:
    """
    Make a URL with which anyone may make one request for a while.

    C{host} alone is signed, and the body is not.

    @param method: C{GET}, C{PUT}, C{HEAD} or C{DELETE}.
    @param scheme_host: C{http://host} or C{http://host:port}, as the client will reach us.
    @param raw_path: Percent-encoded, from the first C{/}, C{/storage} included.
    @param region: The scope's region.
    @param expires: Seconds from C{now}, 1 to 604800.
    @param now: Seconds since the epoch.
    @raise S3Error: C{expires} is out of bounds.
    """
    if not 1 <= expires <= MOST_EXPIRES:
        raise S3Error(
            ErrorCode.InvalidArgument, "expires must be a number of seconds from 1 to 604800."
        )
    scheme, _, host = scheme_host.lower().partition("://")
    # Clients leave the default port out of the Host field.
    host = host.removesuffix(_DEFAULT_PORTS.get(scheme, ":"))
    timestamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{timestamp[:8]}/{region}/s3/aws4_request"
    query = b"&".join(
        b"%s=%s" % (name, encode(value))
        for name, value in (
            (b"X-Amz-Algorithm", ALGORITHM),
            (b"X-Amz-Credential", f"{access_key}/{scope}".encode()),
            (b"X-Amz-Date", timestamp.encode()),
            (b"X-Amz-Expires", str(expires).encode()),
            (b"X-Amz-SignedHeaders", b"host"),
        )
    )
    request = SignedRequest(method, raw_path, query, [(b"host", host.encode())])
    canonical = next(canonical_requests(request, (b"host",), PayloadMode.UNSIGNED.value))
    signature = sign_request(
        signing_key(secret, timestamp[:8], region), timestamp, scope, canonical
    )
    target = b"%s?%s&%s=%s" % (raw_path, query, SIGNATURE_PARAMETER, signature)
    return f"{scheme}://{host}{target.decode('ascii')}"

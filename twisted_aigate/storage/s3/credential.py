"""
Who a request says that it is from: Signature Version 4 in its header or its query, parsed.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html}
@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html}
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz

from attrs import field, frozen

from twisted_aigate.storage.s3.canonical import SignedRequest, parse_query
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.payload import CONTENT_HASH, PayloadMode, payload_mode

ALGORITHM = b"AWS4-HMAC-SHA256"
ACCESS_KEY_PARAMETER = b"AWSAccessKeyId"
"""Version 2's."""

SIGNATURE_PARAMETER = b"X-Amz-Signature"
MOST_EXPIRES = 604_800
"""Seconds for which a presigned request can be valid: seven days."""

_PARAMETERS = frozenset(
    {
        b"X-Amz-Algorithm",
        b"X-Amz-Credential",
        b"X-Amz-Date",
        b"X-Amz-Expires",
        SIGNATURE_PARAMETER,
        b"X-Amz-SignedHeaders",
    }
)
_SCOPE = re.compile(rb"([!-~]{1,256})/(\d{8})/([!-.0-~]{0,64})/([!-.0-~]{1,64})/aws4_request")
_NAMES = re.compile(rb"[!-~]{1,8192}")
_TIMESTAMP = re.compile(rb"\d{8}T\d{6}Z")
_NOT_SUPPORTED = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)


@frozen
class Credential:
    """
    What a request claims, not yet verified.

    @ivar access_key: Whose key signed it.
    @ivar date: The scope's date, C{YYYYMMDD}.
    @ivar region: The scope's region: any that the client likes.
    @ivar service: The scope's service.
    @ivar signed_headers: Names in lower case, in the client's order.
    @ivar signature: In hex.
    @ivar timestamp: When it was signed, C{YYYYMMDDTHHMMSSZ}.
    @ivar issued_at: The same in seconds since the epoch.
    @ivar expires: Seconds for which a presigned request is valid; C{None}: it is not presigned.
    @ivar payload: How the body is covered.
    @ivar payload_hash: What the canonical request says of the body: a hash or a literal.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[bytes, ...]
    signature: bytes = field(repr=False)
    timestamp: str
    issued_at: float
    expires: int | None
    payload: PayloadMode
    payload_hash: bytes

    @property
    def presigned(self) -> bool:
        """The signature stands in the query."""
        return self.expires is not None

    @property
    def scope(self) -> str:
        """The credential's scope, without the access key."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def parse_authorization(request: SignedRequest) -> Credential | None:
    """
    Find and parse a request's signature.

    @return: C{None} when it has none of this version, so that it is anonymous, a plain HTTP
        caller's, or presigned with version 2.
    @raise S3Error: It is malformed, of another version, or there is more than one.
    """
    fields = request.values(b"authorization")
    query = parse_query(request.raw_query)
    names = {name for name, _ in query}
    in_query = not names.isdisjoint({b"X-Amz-Algorithm", b"X-Amz-Credential", SIGNATURE_PARAMETER})
    if len(fields) + in_query + (ACCESS_KEY_PARAMETER in names) > 1:
        raise S3Error(
            ErrorCode.InvalidArgument,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the "
            "Authorization header should be specified.",
        )
    if in_query:
        return _from_query(request, query)
    if not fields:
        return None
    scheme, _, rest = fields[0].strip().partition(b" ")
    if scheme == ALGORITHM:
        return _from_header(request, rest)
    if scheme == b"AWS" or scheme.startswith(b"AWS4-"):
        raise S3Error(ErrorCode.InvalidRequest, _NOT_SUPPORTED)
    return None


def _from_header(request: SignedRequest, text: bytes) -> Credential:
    wrong = ErrorCode.AuthorizationHeaderMalformed
    parts = [part.strip().partition(b"=") for part in text.split(b",")]
    values = {name: value for name, _, value in parts}
    if len(parts) != 3 or values.keys() != {b"Credential", b"SignedHeaders", b"Signature"}:
        raise S3Error(
            wrong,
            "The authorization header is malformed; it must have Credential, SignedHeaders and "
            "Signature, once each.",
        )
    hashes = request.values(CONTENT_HASH)
    if len(hashes) != 1:
        raise S3Error(
            ErrorCode.MissingSecurityHeader,
            "Missing required header for this request: x-amz-content-sha256",
        )
    return _credential(
        wrong,
        values[b"Credential"],
        values[b"SignedHeaders"],
        values[b"Signature"],
        _header_timestamp(request),
        None,
        hashes[0].strip(),
    )


def _from_query(request: SignedRequest, query: list[tuple[bytes, bytes]]) -> Credential:
    wrong = ErrorCode.AuthorizationQueryParametersError
    pairs = [pair for pair in query if pair[0] in _PARAMETERS]
    values = dict(pairs)
    if len(pairs) != len(_PARAMETERS) or values.keys() != _PARAMETERS:
        raise S3Error(wrong)
    if values[b"X-Amz-Algorithm"] != ALGORITHM:
        raise S3Error(wrong, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256".')
    expires = values[b"X-Amz-Expires"]
    if not re.fullmatch(rb"\d{1,9}", expires) or not 1 <= int(expires) <= MOST_EXPIRES:
        raise S3Error(wrong, "X-Amz-Expires must be a number of seconds from 1 to 604800.")
    names = values[b"X-Amz-SignedHeaders"]
    hashes = [value for name, value in query if name.lower() == CONTENT_HASH]
    if not hashes and CONTENT_HASH in names.split(b";"):
        hashes = request.values(CONTENT_HASH)
    return _credential(
        wrong,
        values[b"X-Amz-Credential"],
        names,
        values[SIGNATURE_PARAMETER],
        values[b"X-Amz-Date"],
        int(expires),
        hashes[0].strip() if hashes else PayloadMode.UNSIGNED.value,
    )


def _header_timestamp(request: SignedRequest) -> bytes:
    stamps = request.values(b"x-amz-date")
    if stamps:
        return stamps[0].strip()
    dates = request.values(b"date")
    parsed = parsedate_tz(dates[0].decode("latin-1")) if dates else None
    if parsed is not None:
        with suppress(ValueError, OverflowError):
            moment = datetime.fromtimestamp(mktime_tz(parsed), UTC)
            return moment.strftime("%Y%m%dT%H%M%SZ").encode("ascii")
    raise S3Error(
        ErrorCode.AccessDenied, "AWS authentication requires a valid Date or x-amz-date header."
    )


def _credential(
    wrong: ErrorCode,
    scope: bytes,
    names: bytes,
    signature: bytes,
    timestamp: bytes,
    expires: int | None,
    payload_hash: bytes,
) -> Credential:
    match = _SCOPE.fullmatch(scope)
    if match is None:
        raise S3Error(
            wrong,
            "The Credential is malformed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        )
    access_key, date, region, service = (group.decode("ascii") for group in match.groups())
    if service != "s3":
        raise S3Error(wrong, 'The Credential is malformed; the service must be "s3".')
    headers = tuple(names.split(b";"))
    if not _NAMES.fullmatch(names) or names != names.lower() or len(set(headers)) != len(headers):
        raise S3Error(wrong, "The SignedHeaders must be names in lower case, once each.")
    issued_at = _epoch(timestamp)
    if issued_at is None:
        raise S3Error(wrong, "The date must be in the ISO8601 Basic form YYYYMMDDTHHMMSSZ.")
    stamp = timestamp.decode("ascii")
    if stamp[:8] != date:
        raise S3Error(wrong, "The Credential is malformed; its date is not the request's.")
    return Credential(
        access_key,
        date,
        region,
        service,
        headers,
        signature,
        stamp,
        issued_at,
        expires,
        payload_mode(payload_hash),
        payload_hash,
    )


def _epoch(timestamp: bytes) -> float | None:
    if not _TIMESTAMP.fullmatch(timestamp):
        return None
    try:
        return datetime.fromisoformat(timestamp.decode("ascii")).timestamp()
    except ValueError:
        return None

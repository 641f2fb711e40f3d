"""
Presigned URLs of Signature Version 2, which awscli 1 and boto3 make unless they are told otherwise.

What is signed of a path differs. By the specification it is the path as it is sent; boto3 signs
C{/bucket/key} whatever stands before it in the endpoint. Both address what the request addresses,
since no bucket can have the name of what stands before (C{/storage}).

Neither the host nor the body is signed. A body's C{Content-MD5} is, if it is sent.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html}
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterator

from attrs import field, frozen

from twisted_aigate.storage.s3.canonical import (
    SignedRequest,
    decode_query,
    parse_query,
    path_forms,
)
from twisted_aigate.storage.s3.credential import ACCESS_KEY_PARAMETER
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.signature import iso_time

_PARAMETERS = (ACCESS_KEY_PARAMETER, b"Signature", b"Expires")
_SECONDS = re.compile(rb"[0-9]{1,12}")

# What changes the meaning of a request; as botocore has it, which has more than the specification.
_SIGNED_PARAMETERS = frozenset(
    (
        b"accelerate", b"acl", b"analytics", b"cors", b"defaultObjectAcl", b"delete", b"inventory",
        b"lifecycle", b"location", b"logging", b"metrics", b"notification", b"object-lock",
        b"partNumber", b"policy", b"replication", b"requestPayment", b"response-cache-control",
        b"response-content-disposition", b"response-content-encoding",
        b"response-content-language", b"response-content-type", b"response-expires", b"restore",
        b"select", b"select-type", b"storageClass", b"tagging", b"torrent", b"uploadId",
        b"uploads", b"versionId", b"versioning", b"versions", b"website",
    )
)  # fmt: skip


@frozen
class CredentialV2:
    """
    What a request claims, not yet verified.

    @ivar access_key: Whose key signed it.
    @ivar expires: Until when it is valid, in seconds since the epoch, as it was sent.
    @ivar signature: In base64.
    """

    access_key: str
    expires: bytes
    signature: bytes = field(repr=False)


def parse_presigned_v2(request: SignedRequest) -> CredentialV2 | None:
    """
    Find and parse a signature of version 2 in the query.

    @return: C{None} when there is none.
    @raise S3Error: It is malformed.
    """
    pairs = [pair for pair in parse_query(request.raw_query) if pair[0] in _PARAMETERS]
    values = dict(pairs)
    if ACCESS_KEY_PARAMETER not in values:
        return None
    if len(pairs) != len(_PARAMETERS) or len(values) != len(_PARAMETERS):
        raise S3Error(
            ErrorCode.AccessDenied,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters, once each.",
        )
    access_key, signature, expires = (values[name] for name in _PARAMETERS)
    if not _SECONDS.fullmatch(expires):
        raise S3Error(ErrorCode.AccessDenied, "Expires must be a time in seconds since the epoch.")
    return CredentialV2(access_key.decode("latin-1"), expires, signature)


def verify_v2(
    request: SignedRequest, subpath: bytes, credential: CredentialV2, secret: str, now: float
) -> None:
    """
    Check a presigned request's signature and its time.

    @param subpath: The path from the bucket on.
    @param credential: What L{parse_presigned_v2} made of the request.
    @param secret: The secret of C{credential.access_key}.
    @param now: Seconds since the epoch.
    @raise S3Error: It is not to be served.
    """
    if now > int(credential.expires):
        raise S3Error(
            ErrorCode.AccessDenied,
            "Request has expired",
            extra={"Expires": credential.expires.decode("ascii"), "ServerTime": iso_time(now)},
        )
    matches = False
    for text in _strings_to_sign(request, subpath, credential.expires):
        digest = b64encode(hmac.digest(secret.encode("utf-8"), text, "sha1"))
        matches = hmac.compare_digest(digest, credential.signature) or matches
    if not matches:
        raise S3Error(ErrorCode.SignatureDoesNotMatch)


def _strings_to_sign(request: SignedRequest, subpath: bytes, expires: bytes) -> Iterator[bytes]:
    head = b"%s\n%s\n%s\n%s\n" % (
        request.method.encode("latin-1"),
        b",".join(request.values(b"content-md5")),
        b",".join(request.values(b"content-type")),
        expires,
    )
    amz_headers = b"".join(
        b"%s:%s\n" % (name, b",".join(value.strip() for value in request.values(name)))
        for name in sorted({name for name, _ in request.headers if name.startswith(b"x-amz-")})
    )
    parameters = _parameters(request.raw_query)
    for path in dict.fromkeys((*path_forms(subpath), *path_forms(request.raw_path))):
        yield head + amz_headers + path + parameters


def _parameters(raw_query: bytes) -> bytes:
    found = [part.partition(b"=") for part in raw_query.split(b"&")]
    signed = [
        (name, b"%s%s%s" % (name, equals, decode_query(value)))
        for raw_name, equals, value in found
        if (name := decode_query(raw_name)) in _SIGNED_PARAMETERS
    ]
    signed.sort(key=lambda pair: pair[0])
    return b"?" + b"&".join(text for _, text in signed) if signed else b""

"""
How a request's body is covered: the values of C{x-amz-content-sha256}.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html}
"""

from __future__ import annotations

import re
from enum import Enum

from twisted_aigate.storage.s3.errors import ErrorCode, S3Error

CONTENT_HASH = b"x-amz-content-sha256"
_HASH = re.compile(rb"[0-9a-fA-F]{64}")


class PayloadMode(Enum):
    """
    How a request's body is covered by its signature.

    L{PayloadMode.HASH} stands for a SHA-256 in hex; the others' values are the literals of
    C{x-amz-content-sha256}.
    """

    HASH = b""
    UNSIGNED = b"UNSIGNED-PAYLOAD"
    CHUNKS = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    CHUNKS_TRAILER = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_TRAILER = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    @property
    def chunked(self) -> bool:
        """The body is framed as C{aws-chunked}."""
        return self not in (PayloadMode.HASH, PayloadMode.UNSIGNED)

    @property
    def signed_chunks(self) -> bool:
        """Every chunk of it carries a signature."""
        return self in (PayloadMode.CHUNKS, PayloadMode.CHUNKS_TRAILER)

    @property
    def trailer(self) -> bool:
        """Trailing headers follow the chunks."""
        return self in (PayloadMode.CHUNKS_TRAILER, PayloadMode.UNSIGNED_TRAILER)


_LITERALS = {mode.value: mode for mode in PayloadMode if mode.value}


def payload_mode(value: bytes) -> PayloadMode:
    """
    What a value of C{x-amz-content-sha256} says.

    @raise S3Error: It is none that we know.
    """
    if _HASH.fullmatch(value):
        return PayloadMode.HASH
    mode = _LITERALS.get(value)
    if mode is None:
        raise S3Error(
            ErrorCode.InvalidArgument,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
            "valid sha256 value.",
        )
    return mode

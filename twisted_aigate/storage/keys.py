"""What keys may be."""

from __future__ import annotations

from twisted_aigate.storage.models import MAX_KEY_BYTES
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error


def checked_key(key: str) -> str:
    """
    A key, of a length that S3 takes.

    @raise S3Error: C{KeyTooLongError}, or it holds a NUL.
    """
    if "\0" in key:
        raise S3Error(ErrorCode.InvalidURI, "A key cannot hold a NUL.")
    size = len(key.encode("utf-8"))
    if size > MAX_KEY_BYTES:
        raise S3Error(
            ErrorCode.KeyTooLongError,
            extra={"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)},
        )
    return key

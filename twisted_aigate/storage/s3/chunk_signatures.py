"""
Signatures within a body, each of which signs what the one before it left off at.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html}
@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html}
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from twisted_aigate.storage.s3.credential import Credential
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.signature import sign, signing_key

_NOTHING = hashlib.sha256().hexdigest().encode("ascii")


class ChunkSignatures:
    """
    The chain of signatures through a body: each one signs its chunk and the one before it.

    @ivar _previous: The last signature that held; at first the request's own.
    """

    def __init__(self, credential: Credential, secret: str) -> None:
        """
        Begin at a request's signature.

        @param credential: Of a request that L{verify
            <twisted_aigate.storage.s3.signature.verify>} accepted.
        @param secret: Its secret.
        """
        self._key = signing_key(secret, credential.date, credential.region)
        self._timestamp = credential.timestamp.encode("ascii")
        self._scope = credential.scope.encode("ascii")
        self._previous = credential.signature

    def check_chunk(self, digest: bytes, signature: bytes) -> None:
        """
        Check a chunk.

        @param digest: SHA-256 of its data, in hex.
        @raise S3Error: The signature is not the one that it must have.
        """
        self._check(signature, b"AWS4-HMAC-SHA256-PAYLOAD", _NOTHING, digest)

    def check_trailer(self, trailers: Mapping[str, str], signature: bytes) -> None:
        """
        Check the trailing headers.

        @raise S3Error: The signature is not the one that they must have.
        """
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        digest = hashlib.sha256(lines.encode("latin-1")).hexdigest().encode("ascii")
        self._check(signature, b"AWS4-HMAC-SHA256-TRAILER", digest)

    def _check(self, signature: bytes, kind: bytes, *digests: bytes) -> None:
        expected = sign(self._key, kind, self._timestamp, self._scope, self._previous, *digests)
        if not hmac.compare_digest(expected, signature):
            raise S3Error(ErrorCode.SignatureDoesNotMatch)
        self._previous = expected

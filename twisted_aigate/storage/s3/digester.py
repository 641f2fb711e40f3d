"""
What a client says of its body's integrity, and whether it holds.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html}
@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html}
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from attrs import frozen

from twisted_aigate.storage.models import Checksum
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.checksums import (
    Algorithm,
    RunningChecksum,
    algorithm_named,
    decode_base64,
    encode_base64,
    running,
)
from twisted_aigate.storage.s3.credential import Credential
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.payload import PayloadMode

_PREFIX = b"x-amz-checksum-"
_NO_CHECKSUMS = frozenset(
    {b"x-amz-checksum-algorithm", b"x-amz-checksum-mode", b"x-amz-checksum-type"}
)


@frozen
class Announced:
    """
    What a client says of its body.

    @ivar md5: C{Content-MD5}.
    @ivar sha256: The payload's hash in hex, lower case, that the signature covers.
    @ivar algorithm: Of the additional checksum.
    @ivar value: The additional checksum; C{None} with an algorithm: it comes in a trailer.
    @ivar computed: There is nothing to compare with: the additional checksum is to be made.
    """

    md5: bytes | None = None
    sha256: str | None = None
    algorithm: Algorithm | None = None
    value: bytes | None = None
    computed: bool = False

    @property
    def checked(self) -> bool:
        """There is something to hold the body against besides its signature."""
        return self.md5 is not None or self.algorithm is not None


def announced(request: SignedRequest, credential: Credential | None) -> Announced:
    """
    What a request says of its body.

    @param credential: The request's; C{None}: it is not signed.
    @raise S3Error: It says what cannot be, or what we do not offer.
    """
    algorithm, value = _additional(request)
    return Announced(_content_md5(request), _payload_hash(credential), algorithm, value)


def _payload_hash(credential: Credential | None) -> str | None:
    if credential is None or credential.payload is not PayloadMode.HASH:
        return None
    return credential.payload_hash.decode("ascii").lower()


def _content_md5(request: SignedRequest) -> bytes | None:
    fields = request.values(b"content-md5")
    if not fields:
        return None
    digest = decode_base64(fields[0].decode("latin-1").strip(), 16)
    if digest is None or len(set(fields)) > 1:
        raise S3Error(ErrorCode.InvalidDigest)
    return digest


def object_checksum(request: SignedRequest) -> tuple[Algorithm, str] | None:
    """
    What C{CompleteMultipartUpload} says of the object: its header is not about its own body.

    @return: The algorithm and the value as sent, to be compared with L{multipart_checksum
        <twisted_aigate.storage.s3.checksums.multipart_checksum>}'s.
    @raise S3Error: There is more than one, or it is one that we do not offer.
    """
    headers = _checksum_headers(request)
    if len(headers) > 1:
        raise _too_many()
    for name, value in headers:
        return _algorithm(name), value.decode("latin-1").strip()
    return None


def _checksum_headers(request: SignedRequest) -> list[tuple[bytes, bytes]]:
    return [
        (name, value)
        for name, value in request.headers
        if name.startswith(_PREFIX) and name not in _NO_CHECKSUMS
    ]


def _checksum_trailers(request: SignedRequest) -> list[bytes]:
    fields = b",".join(request.values(b"x-amz-trailer")).lower().split(b",")
    return [name.strip() for name in fields if name.strip().startswith(_PREFIX)]


def _algorithm(header: bytes) -> Algorithm:
    return algorithm_named(header.removeprefix(_PREFIX).decode("latin-1"))


def _too_many() -> S3Error:
    return S3Error(
        ErrorCode.InvalidRequest,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )


def _additional(request: SignedRequest) -> tuple[Algorithm | None, bytes | None]:
    headers, trailers = _checksum_headers(request), _checksum_trailers(request)
    wanted = request.values(b"x-amz-sdk-checksum-algorithm")
    names = [*trailers, *(name for name, _ in headers)]
    if len(names) > 1:
        raise _too_many()
    if not names:
        if wanted:
            raise S3Error(
                ErrorCode.InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
                "x-amz-trailer headers were found.",
            )
        return None, None
    algorithm = _algorithm(names[0])
    if wanted and algorithm_named(wanted[0].decode("latin-1").strip()) is not algorithm:
        raise S3Error(
            ErrorCode.BadDigest,
            f"x-amz-sdk-checksum-algorithm does not match {algorithm.header}.",
        )
    if trailers:
        return algorithm, None
    return algorithm, _checksum_value(algorithm, headers[0][1].decode("latin-1").strip())


def _checksum_value(algorithm: Algorithm, text: str) -> bytes:
    value = decode_base64(text, algorithm.size)
    if value is None:
        raise S3Error(ErrorCode.InvalidRequest, f"Value for {algorithm.header} header is invalid.")
    return value


class Digester:
    """
    Hashes a body as it arrives, and says at its end whether it is what was announced.

    MD5 is always among them: it is the entity tag. It blocks for as long as hashing takes, and
    may be used in any thread, in one at a time.

    @ivar size: Bytes so far.
    """

    def __init__(self, announced: Announced) -> None:
        """
        Begin.

        @param announced: What is to be computed and checked.
        """
        self.size = 0
        self._announced = announced
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._additional = running(announced.algorithm) if announced.algorithm else None
        self._sha256: RunningChecksum | None = None
        if announced.sha256 is not None:
            shared = announced.algorithm is Algorithm.SHA256
            self._sha256 = self._additional if shared else running(Algorithm.SHA256)
        running_ones = (self._md5, self._additional, self._sha256)
        self._running = list(dict.fromkeys(one for one in running_ones if one is not None))

    def update(self, data: bytes) -> None:
        """Add data."""
        self.size += len(data)
        for one in self._running:
            one.update(data)

    @property
    def md5(self) -> str:
        """MD5 in hex: the entity tag of an object that was put in one piece."""
        return self._md5.hexdigest()

    @property
    def checksum(self) -> Checksum | None:
        """The additional checksum as computed, if there is an algorithm."""
        if self._announced.algorithm is None or self._additional is None:
            return None
        return Checksum(self._announced.algorithm, encode_base64(self._additional.digest()))

    def verify(self, trailers: Mapping[str, str]) -> Checksum | None:
        """
        Compare with all that was announced.

        @param trailers: The trailing headers, as L{AwsChunkedDecoder
            <twisted_aigate.storage.s3.chunked.AwsChunkedDecoder>} has them; empty without any.
        @return: The additional checksum to keep, if one was announced.
        @raise S3Error: The body is not what the client says.
        """
        self._verify_sha256()
        said = self._announced
        if said.md5 is not None and said.md5 != self._md5.digest():
            raise S3Error(
                ErrorCode.BadDigest,
                "The Content-MD5 you specified did not match what we received.",
                extra={
                    "ExpectedDigest": encode_base64(said.md5),
                    "CalculatedDigest": encode_base64(self._md5.digest()),
                },
            )
        if said.algorithm is None or self._additional is None:
            return None
        if said.computed:
            return self.checksum
        expected = said.value
        if expected is None:
            expected = _checksum_value(said.algorithm, trailers.get(said.algorithm.header, ""))
        if expected != self._additional.digest():
            raise S3Error(
                ErrorCode.BadDigest,
                f"The {said.algorithm} you specified did not match the calculated checksum.",
            )
        return self.checksum

    def _verify_sha256(self) -> None:
        if self._sha256 is None or self._announced.sha256 is None:
            return
        computed = self._sha256.digest().hex()
        if not hmac.compare_digest(computed, self._announced.sha256):
            raise S3Error(
                ErrorCode.XAmzContentSHA256Mismatch,
                extra={
                    "ClientComputedContentSHA256": self._announced.sha256,
                    "S3ComputedContentSHA256": computed,
                },
            )

"""
Checksums of objects and of their parts.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol, final

from twisted_aigate.storage.models import Checksum
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error

COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"


class Algorithm(StrEnum):
    """An algorithm of S3's additional checksums."""

    CRC32 = "CRC32"
    CRC32C = "CRC32C"
    CRC64NVME = "CRC64NVME"
    SHA1 = "SHA1"
    SHA256 = "SHA256"

    @property
    def header(self) -> str:
        """The header field that carries such a checksum."""
        return f"x-amz-checksum-{self.value.lower()}"

    @property
    def size(self) -> int:
        """Bytes of such a checksum."""
        return _SIZES[self]

    @property
    def multipart_types(self) -> tuple[str, ...]:
        """What a multipart upload's checksum can be, the default first."""
        return _MULTIPART_TYPES[self]


_SIZES = {
    Algorithm.CRC32: 4,
    Algorithm.CRC32C: 4,
    Algorithm.CRC64NVME: 8,
    Algorithm.SHA1: 20,
    Algorithm.SHA256: 32,
}
_MULTIPART_TYPES = {
    Algorithm.CRC32: (COMPOSITE, FULL_OBJECT),
    Algorithm.CRC32C: (COMPOSITE, FULL_OBJECT),
    Algorithm.CRC64NVME: (FULL_OBJECT,),
    Algorithm.SHA1: (COMPOSITE,),
    Algorithm.SHA256: (COMPOSITE,),
}
_NOT_OFFERED = frozenset({"SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"})

_Update = Callable[[bytes, int], int]
_Combine = Callable[[int, int, int], int]


class RunningChecksum(Protocol):
    """A checksum of what has come so far."""

    def update(self, data: bytes, /) -> None:
        """Add to it."""

    def digest(self) -> bytes:
        """What it is by now."""


@final
class _RunningCrc:
    def __init__(self, update: _Update, size: int) -> None:
        self._update = update
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._update(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def running(algorithm: Algorithm) -> RunningChecksum:
    """Begin a checksum. The two CRCs that Python has not are loaded when one is first used."""
    if algorithm is Algorithm.SHA1:
        return hashlib.sha1(usedforsecurity=False)
    if algorithm is Algorithm.SHA256:
        return hashlib.sha256()
    return _RunningCrc(_crc(algorithm), algorithm.size)


def _crc(algorithm: Algorithm) -> _Update:
    if algorithm is Algorithm.CRC32:
        return zlib.crc32
    from awscrt import checksums

    update: _Update = checksums.crc32c if algorithm is Algorithm.CRC32C else checksums.crc64nvme
    return update


def _combine(algorithm: Algorithm) -> _Combine:
    from awscrt import checksums

    combine: _Combine = {
        Algorithm.CRC32: checksums.combine_crc32,
        Algorithm.CRC32C: checksums.combine_crc32c,
        Algorithm.CRC64NVME: checksums.combine_crc64nvme,
    }[algorithm]
    return combine


def algorithm_named(name: str) -> Algorithm:
    """
    The algorithm that a client names, as in C{x-amz-checksum-algorithm}.

    @param name: In any case.
    @raise S3Error: There is none, or it is one that we do not offer.
    """
    name = name.upper()
    if name in _NOT_OFFERED:
        raise S3Error(ErrorCode.NotImplemented, f"{name} checksums are not offered.")
    try:
        return Algorithm(name)
    except ValueError:
        raise S3Error(
            ErrorCode.InvalidRequest,
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            f"types: [{', '.join(Algorithm)}]",
        ) from None


def decode_base64(value: str, size: int) -> bytes | None:
    """
    Bytes out of base64.

    @param size: How many there must be.
    @return: C{None}: it is not that.
    """
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if len(decoded) == size else None


def encode_base64(value: bytes) -> str:
    """Base64, as checksums are sent."""
    return base64.b64encode(value).decode("ascii")


def multipart_etag(md5s: Sequence[str]) -> str:
    """
    The entity tag of a multipart upload.

    @param md5s: The parts' MD5s in hex, in order.
    @return: Without quotes.
    """
    joined = b"".join(bytes.fromhex(md5) for md5 in md5s)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(md5s)}"


def multipart_type(algorithm: Algorithm, wanted: str | None) -> str:
    """
    What kind of checksum a multipart upload gets.

    @param wanted: C{x-amz-checksum-type}, if it was sent.
    @return: C{COMPOSITE} or C{FULL_OBJECT}.
    @raise S3Error: The algorithm has no such kind.
    """
    types = algorithm.multipart_types
    if wanted is None:
        return types[0]
    wanted = wanted.upper()
    if wanted not in types:
        raise S3Error(
            ErrorCode.InvalidRequest,
            f"The {wanted} checksum type cannot be used with the {algorithm} checksum algorithm.",
        )
    return wanted


def multipart_checksum(
    algorithm: Algorithm, kind: str, parts: Sequence[tuple[str, int]]
) -> Checksum:
    """
    The checksum of a multipart upload, out of those of its parts.

    @param kind: From L{multipart_type}.
    @param parts: Each part's checksum in base64 and its size, in order; at least one.
    """
    values = [base64.b64decode(value) for value, _ in parts]
    if kind == COMPOSITE:
        total = running(algorithm)
        total.update(b"".join(values))
        return Checksum(algorithm, f"{encode_base64(total.digest())}-{len(parts)}", COMPOSITE)
    combine = _combine(algorithm)
    crc = 0
    for value, (_, size) in zip(values, parts, strict=True):
        crc = combine(crc, int.from_bytes(value, "big"), size)
    return Checksum(algorithm, encode_base64(crc.to_bytes(algorithm.size, "big")), FULL_OBJECT)

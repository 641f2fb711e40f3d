"""
Bodies framed as C{aws-chunked}: data with signatures between, and checksums behind.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html}
@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.chunk_signatures import ChunkSignatures
from twisted_aigate.storage.s3.credential import Credential
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.payload import CONTENT_HASH, PayloadMode, payload_mode

_MOST_LINE = 1024
_MOST_TRAILER = 8 * 1024
_SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\r")
_NAME = re.compile(r"[a-z0-9-]{1,256}")
_LENGTH = re.compile(rb"\d{1,18}")
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class AwsChunkedDecoder:
    """
    Take the framing off a body as it arrives.

    Data is handed over before the signature of its chunk is known to hold, whatever the chunk's
    size, and nothing but the line at hand is buffered: whoever feeds this throws the upload away
    when it raises, and keeps it only after L{finish}. After an error it raises the same one again.

    ::

        size line ──size > 0──▶ data ──▶ line break ──▶ size line
            │
            └──size 0──▶ trailers (or one line break, without) ──▶ end

    @ivar received: Bytes of data so far.
    @ivar trailers: The trailing headers so far, names in lower case; whole after L{finish}.
    """

    def __init__(
        self,
        decoded_length: int | None = None,
        signatures: ChunkSignatures | None = None,
        trailers: Iterable[str] | None = None,
    ) -> None:
        """
        Begin.

        @param decoded_length: Bytes of data that there must be; C{None}: not announced.
        @param signatures: What checks the chunks' signatures; C{None}: they have none.
        @param trailers: Names of the trailing headers that there must be, in lower case; C{None}:
            there is no place for any.
        """
        self.received = 0
        self.trailers: dict[str, str] = {}
        self._decoded_length = decoded_length
        self._signatures = signatures
        self._announced = None if trailers is None else frozenset(trailers)
        self._step = self._size_line
        self._line = bytearray()
        self._left = 0
        self._signature = b""
        self._digest = hashlib.sha256()
        self._trailer_bytes = 0
        self._ended = False
        self._error: S3Error | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take what arrived.

        @return: The data in it.
        @raise S3Error: It is not well-formed, a signature is wrong, or there is too much of it.
        """
        if self._error is not None:
            raise self._error
        try:
            return self._feed(data)
        except S3Error as error:
            self._error = error
            raise

    def finish(self) -> None:
        """
        Say that nothing follows.

        @raise S3Error: Something is missing.
        """
        if self._error is not None:
            raise self._error
        if self._line or not self._ended:
            raise S3Error(ErrorCode.IncompleteBody, "The aws-chunked body ended early.")
        if self._announced is None:
            return
        if self._signatures is not None and not self._signature:
            raise S3Error(ErrorCode.MalformedTrailerError, "The trailer's signature is missing.")
        if self.trailers.keys() != self._announced:
            raise S3Error(
                ErrorCode.MalformedTrailerError,
                "The trailing headers are not those that x-amz-trailer announced.",
            )

    def _feed(self, data: bytes) -> list[bytes]:
        pieces: list[bytes] = []
        position, size = 0, len(data)
        while position < size:
            if self._left:
                piece = data[position : position + self._left]
                position += len(piece)
                self._take(piece)
                pieces.append(piece)
                continue
            end = data.find(b"\n", position, position + _MOST_LINE) + 1 or size
            self._line += data[position:end]
            if len(self._line) > _MOST_LINE:
                raise _malformed()
            position = end
            if self._line.endswith(b"\n"):
                line = bytes(self._line[:-1])
                self._line.clear()
                self._step(line)
        return pieces

    def _take(self, piece: bytes) -> None:
        self._left -= len(piece)
        self.received += len(piece)
        if self._signatures is not None:
            self._digest.update(piece)
        if not self._left:
            self._check_chunk()
            self._step = self._break_line

    def _check_chunk(self) -> None:
        if self._signatures is not None:
            digest = self._digest.hexdigest().encode("ascii")
            self._signatures.check_chunk(digest, self._signature)
            self._digest = hashlib.sha256()
            self._signature = b""

    def _size_line(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None or (match[2] is None) != (self._signatures is None):
            raise _malformed()
        size = int(match[1], 16)
        self._signature = match[2] or b""
        total = self.received + size
        if self._decoded_length is not None and (
            total > self._decoded_length or (not size and total < self._decoded_length)
        ):
            raise S3Error(
                ErrorCode.IncompleteBody,
                "You did not provide the number of bytes that x-amz-decoded-content-length says.",
            )
        self._left = size
        if size:
            return
        self._check_chunk()
        if self._announced is None:
            self._step = self._last_break_line
        else:
            self._step = self._trailer_line
            self._ended = True

    def _break_line(self, line: bytes) -> None:
        if line != b"\r":
            raise _malformed()
        self._step = self._size_line

    def _last_break_line(self, line: bytes) -> None:
        if line != b"\r" or self._ended:
            raise _malformed()
        self._ended = True

    def _trailer_line(self, line: bytes) -> None:
        # Clients end these lines with CRLF or LF, and put empty ones before the signature or not.
        self._trailer_bytes += len(line) + 1
        name, colon, value = (part.strip() for part in line.decode("latin-1").partition(":"))
        name = name.lower()
        if self._trailer_bytes > _MOST_TRAILER:
            raise S3Error(ErrorCode.MalformedTrailerError)
        if line in (b"", b"\r"):
            return
        if self._signature or not colon or not _NAME.fullmatch(name) or name in self.trailers:
            raise S3Error(ErrorCode.MalformedTrailerError)
        if name == _TRAILER_SIGNATURE and self._signatures is not None:
            self._signatures.check_trailer(self.trailers, value.encode("latin-1"))
            self._signature = value.encode("latin-1")
        else:
            self.trailers[name] = value


def _malformed() -> S3Error:
    return S3Error(ErrorCode.InvalidRequest, "The aws-chunked body is not well-formed.")


def decoder_for(
    request: SignedRequest, credential: Credential | None, secret: str
) -> AwsChunkedDecoder | None:
    """
    The decoder that a request's body needs.

    @param credential: The request's, verified; C{None}: it is not signed.
    @param secret: The credential's secret; not looked at without a credential.
    @return: C{None}: the body is not framed.
    @raise S3Error: The request's fields do not say how its body is framed.
    """
    if credential is None:
        mode = payload_mode((request.values(CONTENT_HASH) or [PayloadMode.UNSIGNED.value])[0])
    else:
        mode = credential.payload
    if not mode.chunked:
        return None
    signatures = None
    if mode.signed_chunks:
        if credential is None:
            raise S3Error(ErrorCode.InvalidRequest, "Signed chunks need a signed request.")
        signatures = ChunkSignatures(credential, secret)
    trailers = None
    if mode.trailer:
        fields = b",".join(request.values(b"x-amz-trailer")).decode("latin-1").lower()
        trailers = [name.strip() for name in fields.split(",") if name.strip()]
    lengths = request.values(b"x-amz-decoded-content-length")
    if lengths and not (len(lengths) == 1 and _LENGTH.fullmatch(lengths[0].strip())):
        raise S3Error(ErrorCode.InvalidArgument, "x-amz-decoded-content-length is no number.")
    return AwsChunkedDecoder(int(lengths[0]) if lengths else None, signatures, trailers)

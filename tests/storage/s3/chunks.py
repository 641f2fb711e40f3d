"""An encoder of signed aws-chunked bodies, written from the documentation alone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from twisted_aigate.storage.s3.credential import Credential

_EMPTY = hashlib.sha256().hexdigest()


class Signer:
    """The chain of signatures, from the client's side."""

    def __init__(self, credential: Credential, secret: str) -> None:
        self.timestamp = credential.timestamp
        self.scope = credential.scope
        self.previous = credential.signature.decode()
        key = f"AWS4{secret}".encode()
        for part in self.scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        self.key = key

    def sign(self, kind: str, *digests: str) -> str:
        text = "\n".join([kind, self.timestamp, self.scope, self.previous, *digests])
        self.previous = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return self.previous

    def chunk(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).hexdigest()
        signature = self.sign("AWS4-HMAC-SHA256-PAYLOAD", _EMPTY, digest)
        return b"%x;chunk-signature=%s\r\n" % (len(data), signature.encode())

    def body(self, chunks: Iterable[bytes], trailers: Mapping[str, str] | None = None) -> bytes:
        """The whole body."""
        out = b"".join(self.chunk(data) + data + b"\r\n" for data in chunks) + self.chunk(b"")
        if trailers is None:
            return out + b"\r\n"
        signed = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        lines = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
        digest = hashlib.sha256(signed.encode()).hexdigest()
        signature = self.sign("AWS4-HMAC-SHA256-TRAILER", digest)
        return out + f"{lines}x-amz-trailer-signature:{signature}\r\n\r\n".encode()

"""A form with a file, as a request's body (RFC 7578): the file is read as it is sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.calls import Upload
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB

_PIECE = 64 * KB


def _quoted(text: str) -> str:
    # As browsers do it: https://html.spec.whatwg.org/#multipart-form-data
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


@implementer(IBodyProducer)
class FormBody:
    """
    The body.

    @param fields: The form's fields in order.
    @param upload: The file, sent last under the name C{file}.
    @param threads: Where the file is read.
    @ivar content_type: The request's C{Content-Type}.
    """

    def __init__(self, fields: Iterable[tuple[str, str]], upload: Upload, threads: Threads) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}".encode("ascii")
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
            f"\r\n\r\n{value}\r\n"
            for name, value in fields
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{_quoted(upload.filename)}"\r\n'
            f"Content-Type: {_quoted(upload.content_type)}\r\n\r\n"
        )
        self._head = "".join(parts).encode("utf-8")
        self._tail = f"\r\n--{boundary}--\r\n".encode("ascii")
        self.length = len(self._head) + upload.size + len(self._tail)
        self._upload = upload
        self._threads = threads
        self._resumed: Deferred[None] | None = None
        self._producing: Deferred[None] | None = None

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._producing = Deferred.fromCoroutine(self._produce(consumer))
        return self._producing

    async def _produce(self, consumer: IConsumer) -> None:
        consumer.write(self._head)
        file = self._upload.file
        await self._threads.run(file.seek, 0)
        while True:
            if self._resumed is not None:
                await self._resumed
            piece = await self._threads.run(file.read, _PIECE)
            if not piece:
                break
            consumer.write(piece)
        consumer.write(self._tail)

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        if self._resumed is None:
            self._resumed = Deferred()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        if self._producing is not None:
            self._producing.addErrback(lambda failure: failure.trap(CancelledError) and None)
            self._producing.cancel()

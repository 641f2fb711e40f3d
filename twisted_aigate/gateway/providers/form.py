"""A form with a file, as a request's body (RFC 7578): the file is read as it is sent."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from twisted_aigate.gateway.calls import Upload
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB

_PIECE = 64 * KB


def _quoted(text: str) -> str:
    # As browsers do it: https://html.spec.whatwg.org/#multipart-form-data
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


class FormBody(CoroutineProducer):
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
        head = "".join(parts).encode("utf-8")
        tail = f"\r\n--{boundary}--\r\n".encode("ascii")

        async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
            write(head)
            await threads.run(upload.file.seek, 0)
            while piece := await threads.run(upload.file.read, _PIECE):
                write(piece)
                await producer.ready()
            write(tail)

        super().__init__(len(head) + upload.size + len(tail), produce)

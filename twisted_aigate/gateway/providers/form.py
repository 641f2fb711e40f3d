"""A form with files, as a request's body (RFC 7578): they are read as they are sent."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from twisted_aigate.gateway.calls import Upload
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB

_PIECE = 64 * KB
_LINE = b"\r\n"


def _quoted(text: str) -> str:
    # As browsers do it: https://html.spec.whatwg.org/#multipart-form-data
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _file_head(upload: Upload) -> str:
    return (
        f'{_quoted(upload.name)}"; filename="{_quoted(upload.filename)}"'
        f"\r\nContent-Type: {_quoted(upload.content_type)}\r\n\r\n"
    )


class FormBody(CoroutineProducer):
    """
    The body.

    @param fields: The form's fields in order.
    @param uploads: The files, sent after the fields.
    @param threads: Where the files are read.
    @ivar content_type: The request's C{Content-Type}.
    """

    def __init__(
        self,
        fields: Iterable[tuple[str, str]],
        uploads: Iterable[Upload],
        threads: Threads,
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}".encode("ascii")
        start = f'--{boundary}\r\nContent-Disposition: form-data; name="'
        texts = "".join(f'{start}{_quoted(name)}"\r\n\r\n{value}\r\n' for name, value in fields)
        files = [(f"{start}{_file_head(upload)}".encode(), upload) for upload in uploads]
        head, tail = texts.encode("utf-8"), f"--{boundary}--\r\n".encode("ascii")

        async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
            write(head)
            for file_head, upload in files:
                write(file_head)
                sent = 0
                while piece := await threads.run(upload.read, sent, _PIECE):
                    sent += len(piece)
                    write(piece)
                    await producer.ready()
                write(_LINE)
            write(tail)

        sizes = (len(file_head) + upload.size + len(_LINE) for file_head, upload in files)
        super().__init__(len(head) + sum(sizes) + len(tail), produce)

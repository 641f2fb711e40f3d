"""Forms with files (RFC 7578): fields in memory within a bound, files on disk as they arrive."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from attrs import define, frozen
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import MB
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.request import Request

_MOST_FIELD_BYTES = 1 * MB
_MOST_PARTS = 128


@frozen
class FormFile:
    """
    A file of a form.

    @ivar name: The field's name.
    @ivar filename: The client's name for the file.
    @ivar content_type: The client's media type for it.
    @ivar file: Its bytes, on disk without a name: closing it frees them, a crash does too.
    @ivar size: Bytes.
    """

    name: str
    filename: str
    content_type: str
    file: BinaryIO
    size: int


@define
class Form:
    """
    A form.

    @ivar fields: (name, value) in order.
    @ivar files: In order.
    """

    fields: list[tuple[str, str]]
    files: list[FormFile]

    def close(self) -> None:
        """Free the files."""
        for file in self.files:
            file.file.close()


async def read_form(request: Request, limit: int, threads: Threads, folder: Path) -> Form:
    """
    Read a request's body as a form.

    @param limit: The most bytes of the body as a whole; 0: no limit.
    @param threads: Where it is parsed and written.
    @param folder: The disk that files are put on.
    @return: The form; the caller closes it.
    @raise HTTPError: 400: it is no form; 413: it is too large.
    """
    media_type, options = parse_options_header(
        (request.field(b"content-type") or b"").decode("latin-1")
    )
    boundary = options.get("boundary", "")
    if media_type != "multipart/form-data" or not boundary:
        raise HTTPError(400, "The body must be multipart/form-data, with a boundary.")
    reader = _FormReader(boundary, threads, folder)
    try:
        await request.body.deliver(reader, limit)
        await reader.finish()
    except BaseException:
        reader.discard()
        raise
    return reader.form


@implementer(IConsumer)
class _FormReader:
    """Hands each piece of the body to a thread, and has no further piece sent meanwhile."""

    def __init__(self, boundary: str, threads: Threads, folder: Path) -> None:
        self.form = Form([], [])
        with _refusing():
            self._parser = PushMultipartParser(boundary, max_segment_count=_MOST_PARTS)
        self._threads = threads
        self._folder = folder
        self._producer: IPushProducer | None = None
        self._pieces: list[bytes] = []
        self._work: Deferred[None] | None = None
        self._idle: Deferred[None] | None = None
        self._failure: Failure | None = None
        self._segment: MultipartSegment | None = None
        self._file: BinaryIO | None = None
        self._value: list[bytes] = []
        self._field_bytes = 0

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self._producer = cast(IPushProducer, producer)

    def unregisterProducer(self) -> None:
        self._producer = None

    def write(self, data: bytes) -> None:
        if self._failure is None:
            self._pieces.append(data)
            if self._work is None:
                self._take()

    def discard(self) -> None:
        """Free the files; when a thread has them in hand, as soon as it is done."""
        if self._work is None:
            self.form.close()
        else:
            self._pieces.clear()
            self._work.addCallback(lambda _: self.form.close())

    def _take(self) -> None:
        pieces, self._pieces = self._pieces, []
        if self._producer is not None:
            self._producer.pauseProducing()
        self._work = self._threads.run(self._parse, b"".join(pieces))
        self._work.addErrback(self._failed)
        self._work.addCallback(self._taken)

    def _failed(self, failure: Failure) -> None:
        self._failure = failure

    def _taken(self, _: None) -> None:
        self._work = None
        if self._pieces and self._failure is None:
            self._take()
        elif self._idle is not None:
            idle, self._idle = self._idle, None
            idle.callback(None)
        if self._producer is not None and self._work is None:
            self._producer.resumeProducing()

    async def finish(self) -> None:
        """Wait until all that was written is on disk."""
        if self._work is not None:
            self._idle = Deferred()
            await self._idle
        if self._failure is not None:
            self._failure.raiseException()
        with _refusing():
            self._parser.close()

    # In a thread.

    def _parse(self, data: bytes) -> None:
        with _refusing():
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._end()
                else:
                    self._add(event)

    def _add(self, data: bytes | bytearray) -> None:
        if self._file is not None:
            self._file.write(data)
            return
        self._field_bytes += len(data)
        if self._field_bytes > _MOST_FIELD_BYTES:
            raise HTTPError(413, f"The form's fields are over {_MOST_FIELD_BYTES} bytes.")
        self._value.append(bytes(data))

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        self._value = []
        self._file = None
        if segment.filename is not None:
            self._file = cast(
                BinaryIO,
                tempfile.TemporaryFile(dir=self._folder),  # noqa: SIM115 (the form closes it)
            )
            self.form.files.append(
                FormFile(
                    segment.name,
                    segment.filename,
                    segment.content_type or "application/octet-stream",
                    self._file,
                    0,
                )
            )

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        assert segment is not None
        if self._file is not None:
            self._file.flush()
            begun = self.form.files.pop()
            self.form.files.append(
                FormFile(begun.name, begun.filename, begun.content_type, begun.file, segment.size)
            )
            return
        try:
            value = b"".join(self._value).decode("utf-8")
        except UnicodeDecodeError:
            raise HTTPError(
                400, f"The form's field {segment.name!r} is not UTF-8.", param=segment.name
            ) from None
        self.form.fields.append((segment.name, value))


@contextmanager
def _refusing() -> Iterator[None]:
    """Have a parser's error become a 400."""
    try:
        yield
    except MultipartError as error:
        raise HTTPError(400, f"The body is not a valid form: {error}.") from None

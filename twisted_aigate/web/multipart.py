"""Forms with files (RFC 7578): fields in memory within a bound, files on disk as they arrive."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from attrs import define, frozen
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from twisted_aigate.kernel.offload import Offload
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
    reader = _FormReader(boundary, folder)
    offload = Offload(threads, reader.parse)
    try:
        await offload.take(lambda consumer: request.body.deliver(consumer, limit))
        reader.finish()
    except BaseException:
        offload.stop()
        # When a thread has the files in hand, as soon as it is done.
        offload.settled().addCallback(lambda _: reader.form.close())
        raise
    return reader.form


class _FormReader:
    """Parses and writes in a thread; L{Offload} hands it the pieces of the body."""

    def __init__(self, boundary: str, folder: Path) -> None:
        self.form = Form([], [])
        with _refusing():
            self._parser = PushMultipartParser(boundary, max_segment_count=_MOST_PARTS)
        self._folder = folder
        self._segment: MultipartSegment | None = None
        self._file: BinaryIO | None = None
        self._value: list[bytes] = []
        self._field_bytes = 0

    def finish(self) -> None:
        """There is no more of the body."""
        with _refusing():
            self._parser.close()

    def parse(self, data: bytes) -> None:
        """Take the next piece of the body."""
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

"""
What the gateway and a model's worker process say to each other over the worker's pipes.

A frame is a length (4 bytes, big-endian) and that many bytes of msgpack, one of the structs below.
Both sides import this module, so it knows nothing of Twisted and nothing of any model.

The life of a worker and of one job::

    worker  -> Ready
    gateway -> Job                      (further jobs at any time; Cancel at any time)
    worker  -> Head, Chunk, Chunk, …    (a Head before the first Chunk)
    worker  -> Done | Failed            (exactly one, and nothing about this job after it)
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import msgspec

MAX_FRAME: Final = 64 * 1024 * 1024
"""The longest payload of a frame, in bytes: what is longer is a fault, not a message."""

HEADER: Final = 4
"""The bytes of the length that stands before each payload."""

Task: TypeAlias = Literal["chat", "completion", "embedding", "transcription", "speech"]
"""What can be asked of a worker; each engine answers one or two of them."""

TASKS: Final[tuple[Task, ...]] = get_args(Task)


class FrameError(ValueError):
    """The bytes are no frame (too long, not msgpack, of no known kind): the pipe is of no use."""


class Job(msgspec.Struct, frozen=True, tag="job"):
    """Gateway to worker: do this."""

    id: int
    """Chosen by the gateway, unique among the worker's unfinished jobs."""
    task: Task
    body: bytes
    """The OpenAI-shaped request as JSON; a transcription has C{path}, C{filename} for its file."""


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """
    Gateway to worker: nobody waits for this job any more.

    It ends in a L{Failed} of status 499, unless it was over already: an unknown id is ignored.
    """

    id: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Worker to gateway, once: the model is loaded."""

    seconds: float
    """From the start of the worker's main function to now."""


class Head(msgspec.Struct, frozen=True, tag="head"):
    """Worker to gateway: the job succeeds so far, and this is what its chunks are."""

    id: int
    content_type: str


class Chunk(msgspec.Struct, frozen=True, tag="chunk"):
    """Worker to gateway: the answer's next bytes; of a streamed chat, the JSON of one event."""

    id: int
    data: bytes


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Worker to gateway: the answer is complete."""

    id: int


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Worker to gateway: no answer, or no more of it; the fields are those of an OpenAI error."""

    id: int
    status: int
    """As in HTTP: 4xx for a request that is refused, 499 for a cancelled job, 500 for a fault."""
    message: str
    param: str | None = None
    code: str | None = None


Frame: TypeAlias = Job | Cancel | Ready | Head | Chunk | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """
    Encode one frame, ready to be written.

    @raise FrameError: It is longer than the other side would take.
    """
    payload = _encoder.encode(frame)
    if len(payload) > MAX_FRAME:
        raise FrameError(f"a frame of {len(payload)} bytes is over the limit of {MAX_FRAME}")
    return len(payload).to_bytes(HEADER, "big") + payload


class Decoder:
    """Takes a pipe's bytes as they come and gives the frames that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """
        Give the frames that these bytes complete, in order; what is left waits for the next call.

        @raise FrameError: A length is over the limit, or a payload is no frame.
        """
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= HEADER:
            begin = start + HEADER
            length = int.from_bytes(self._buffer[start:begin], "big")
            if length > MAX_FRAME:
                raise FrameError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
            if len(self._buffer) - begin < length:
                break
            start = begin + length
            frames.append(_decode(bytes(self._buffer[begin:start])))
        del self._buffer[:start]
        return frames


def _decode(payload: bytes) -> Frame:
    try:
        frame: Frame = _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise FrameError(f"not a frame: {error}") from error
    return frame

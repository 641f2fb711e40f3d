"""Sound in and out of files: reading all that FFmpeg does, writing what OpenAI's speech offers."""

from __future__ import annotations

import io
import math
import wave
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import av
import numpy

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from numpy.typing import NDArray

Samples: TypeAlias = "NDArray[numpy.float32]"
"""Sound from -1 to 1, mono."""

Codec: TypeAlias = Literal["libmp3lame", "libopus", "aac", "flac"]
"""FFmpeg's names of the codecs of L{ENCODERS}."""

SPEECH_RATE: Final = 24_000
"""Samples a second of synthesised speech; also what OpenAI's C{pcm} is."""
WHISPER_RATE: Final = 16_000
"""Samples a second that Whisper hears."""

_FULL_SCALE: Final = 32768.0


class UndecodableError(Exception):
    """The file holds no sound that can be read."""


class TooLongError(Exception):
    """The sound is longer than was allowed."""


def decode(path: str, max_seconds: float, check: Callable[[], None]) -> Samples:
    """
    Read a sound file, whatever its format, as Whisper wants it: mono, 16 kHz, from -1 to 1.

    @param check: Called every so often; may raise to give up.
    @raise UndecodableError: FFmpeg finds no sound in it.
    @raise TooLongError: It is longer than C{max_seconds}; nothing beyond that is kept in memory.
    """
    resampler = av.AudioResampler(format="s16", layout="mono", rate=WHISPER_RATE)
    pieces: list[bytes] = []
    samples = 0
    try:
        with av.open(path, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UndecodableError("there is no audio stream")
            packets = container.demux(container.streams.audio[0])
            for packet in packets:
                check()
                for frame in _frames(packet):
                    frame.pts = None  # broken time stamps are common and not needed
                    for out in resampler.resample(frame):
                        pieces.append(out.to_ndarray().tobytes())
                        samples += out.samples
                if samples > max_seconds * WHISPER_RATE:
                    raise TooLongError
            pieces += [out.to_ndarray().tobytes() for out in resampler.resample(None)]
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise UndecodableError(str(error)) from error
    if not samples:
        raise UndecodableError("there is no sound")
    whole = numpy.frombuffer(b"".join(pieces), dtype="<i2")
    sound: Samples = whole.astype(numpy.float32) / _FULL_SCALE
    return sound


def _frames(packet: av.Packet[AudioStream]) -> Sequence[av.AudioFrame]:
    try:
        frames: Sequence[av.AudioFrame] = packet.decode()
    except av.error.InvalidDataError:
        return ()  # one damaged packet does not spoil the rest
    return frames


def faster(sound: Samples, factor: float) -> Samples:
    """
    Play speech faster at the same pitch.

    @param factor: At least 1.
    """
    # One atempo drops samples above 2, two in a row do not.
    steps = max(1, math.ceil(math.log2(factor)))
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=SPEECH_RATE, format="flt", layout="mono", time_base=Fraction(1, SPEECH_RATE)
    )
    tempos = [graph.add("atempo", f"{factor ** (1 / steps):.6f}") for _ in range(steps)]
    graph.link_nodes(source, *tempos, graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = SPEECH_RATE
    graph.push(frame)
    graph.push(None)
    pieces: list[Samples] = []
    while True:
        try:
            pulled = graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            break
        pieces.append(pulled.to_ndarray().reshape(-1).astype(numpy.float32))
    whole: Samples = numpy.concatenate([sound[:0], *pieces])
    return whole


class Encoder(ABC):
    """Turns speech, as it comes, into the bytes of one format."""

    content_type: str

    @abstractmethod
    def encode(self, sound: Samples) -> bytes:
        """The bytes that are complete after some more sound; may be none."""

    @abstractmethod
    def finish(self) -> bytes:
        """The rest of the bytes."""


class PcmEncoder(Encoder):
    """16-bit little-endian mono samples, no header."""

    content_type = "audio/pcm"

    def encode(self, sound: Samples) -> bytes:
        """Take some more sound."""
        return to_int16(sound)

    def finish(self) -> bytes:
        """End the file."""
        return b""


class WavEncoder(Encoder):
    """A WAV file. Its header holds its length, so nothing comes before the end."""

    content_type = "audio/wav"

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._wave = wave.Wave_write(self._file)
        self._wave.setnchannels(1)
        self._wave.setsampwidth(2)
        self._wave.setframerate(SPEECH_RATE)

    def encode(self, sound: Samples) -> bytes:
        """Take some more sound."""
        self._wave.writeframes(to_int16(sound))
        return b""

    def finish(self) -> bytes:
        """End the file."""
        self._wave.close()
        return self._file.getvalue()


class _Pipe:
    """A file that FFmpeg can only append to, as to a connection."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """For FFmpeg."""
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


class StreamEncoder(Encoder):
    """
    A compressed format whose container can be written front to back.

    @param container: FFmpeg's name of the container.
    @param codec: FFmpeg's name of the codec.
    @param bit_rate: Bits a second; 0 where the codec is lossless.
    """

    def __init__(self, content_type: str, container: str, codec: Codec, bit_rate: int) -> None:
        self.content_type = content_type
        self._pipe = _Pipe()
        options = (
            {"write_xing": "0"} if container == "mp3" else {}
        )  # that header needs the end first
        self._container = av.open(self._pipe, "w", format=container, options=options)
        self._stream = self._container.add_stream(codec, rate=SPEECH_RATE, layout="mono")
        if bit_rate:
            self._stream.bit_rate = bit_rate

    def encode(self, sound: Samples) -> bytes:
        """Take some more sound."""
        samples = numpy.frombuffer(to_int16(sound), dtype="<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = SPEECH_RATE
        self._container.mux(self._stream.encode(frame))
        return self._pipe.take()

    def finish(self) -> bytes:
        """End the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._pipe.take()


def to_int16(sound: Samples) -> bytes:
    """Samples from -1 to 1 as 16-bit little-endian integers; what is louder is cut."""
    return bytes((numpy.clip(sound, -1.0, 1.0) * 32767.0).astype("<i2"))


ENCODERS: Final[dict[str, Callable[[], Encoder]]] = {
    "mp3": lambda: StreamEncoder("audio/mpeg", "mp3", "libmp3lame", 96_000),
    "opus": lambda: StreamEncoder("audio/ogg", "ogg", "libopus", 48_000),
    "aac": lambda: StreamEncoder("audio/aac", "adts", "aac", 96_000),
    "flac": lambda: StreamEncoder("audio/flac", "flac", "flac", 0),
    "wav": WavEncoder,
    "pcm": PcmEncoder,
}
"""OpenAI's C{response_format}s of speech."""

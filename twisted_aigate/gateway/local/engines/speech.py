"""
Speech: the C{hibari-tts} wheel, a small English voice on onnxruntime.

It has the one voice "heart" inside (American, female); the others would be downloads. OpenAI's
voice names are all accepted, so that its clients work as they are, and all sound the same.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from twisted_aigate.gateway.local.engines import Refused, Reply
from twisted_aigate.gateway.local.engines.audio import ENCODERS, SPEECH_RATE, faster
from twisted_aigate.gateway.local.engines.requests import parse
from twisted_aigate.gateway.local.protocol import Task

if TYPE_CHECKING:
    from hibari import Hibari

    from twisted_aigate.gateway.local.engines.audio import Samples

VOICES: Final = (
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "heart",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
)
"""The names that are accepted: OpenAI's, and the voice's own."""

MAX_CHARACTERS: Final = 4096
"""OpenAI's limit of one input."""
MIN_SPEED: Final = 0.25
MAX_SPEED: Final = 4.0
MODEL_MAX_SPEED: Final = 1.25
"""Beyond this the model slurs, to Whisper's ears: the rest is done to its sound."""
PIECE: Final = 64 * 1024
"""Bytes of one chunk of the answer."""
MAX_SENTENCE: Final = 300
"""
Characters that are spoken as one: the model has no bound of its own where there is no punctuation,
takes memory by length (1.7 GB for 4,000 characters), and cannot be interrupted within one.
"""
SEED: Final = 0
"""Of the noise in the voice: the same request gives the same sound."""
PAUSE: Final = 0.12
"""Seconds of silence between sentences."""

# Longer numbers than the engine has words for (it raises IndexError) are read digit by digit.
_LONG_NUMBER: Final = re.compile(r"\d{13,}")
# What is no word is guessed at letter by letter, in time that grows with the square of its length.
_LONG_WORD: Final = re.compile(r"(\S{60})(?=\S)")


class SpeechRequest(msgspec.Struct):
    """OpenAI's request; C{instructions} are accepted and have no effect on this voice."""

    input: str
    voice: str = "alloy"
    model: str = "local"
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: float = 1.0
    stream_format: Literal["audio", "sse"] = "audio"


class SpeechEngine:
    """Hibari on one thread, which is a hundred times faster than speech."""

    tasks: Final[tuple[Task, ...]] = ("speech",)
    slots: Final = 1

    def __init__(self, voice: Hibari) -> None:
        self._voice = voice

    def run(self, task: Task, body: bytes, reply: Reply) -> None:
        """Speak one text; each sentence is sent once it is spoken, where the format allows."""
        request = parse(body, SpeechRequest)
        _validate(request)
        encoder = ENCODERS[request.response_format]()
        started = False
        for sound in self._speak(request.input, request.speed, reply):
            if not started:
                started = True
                reply.head(encoder.content_type)
            _send(reply, encoder.encode(sound))
        if not started:
            raise Refused(
                "'input' has nothing that this English voice can say.",
                param="input",
                code="invalid_value",
            )
        _send(reply, encoder.finish())

    def _speak(self, text: str, speed: float, reply: Reply) -> Iterator[Samples]:
        import numpy

        silence = numpy.zeros(int(PAUSE * SPEECH_RATE / speed), numpy.float32)
        for sentence in self._voice.split_sentences(_readable(text)):
            for part in textwrap.wrap(sentence, MAX_SENTENCE, break_on_hyphens=False):
                reply.check()
                phonemes = " ".join(self._voice.phonemize(part))
                sound = self._voice.from_phonemes(phonemes, min(speed, MODEL_MAX_SPEED), SEED)
                if sound.size and speed > MODEL_MAX_SPEED:
                    sound = faster(sound, speed / MODEL_MAX_SPEED)
                if sound.size:
                    yield numpy.concatenate([sound, silence])


def _readable(text: str) -> str:
    text = _LONG_NUMBER.sub(lambda number: " ".join(number[0]), text)
    return _LONG_WORD.sub(r"\1 ", text)


def _validate(request: SpeechRequest) -> None:
    if not request.input.strip():
        raise Refused("'input' cannot be empty.", param="input", code="invalid_value")
    if len(request.input) > MAX_CHARACTERS:
        raise Refused(
            f"'input' has {len(request.input)} characters; {MAX_CHARACTERS} is the most.",
            param="input",
            code="string_above_max_length",
        )
    if request.voice not in VOICES:
        raise Refused(
            f"There is no voice {request.voice!r}; these are taken: {', '.join(VOICES)}.",
            param="voice",
            code="invalid_value",
        )
    if not MIN_SPEED <= request.speed <= MAX_SPEED:
        raise Refused(
            f"'speed' must be from {MIN_SPEED} to {MAX_SPEED}.", param="speed", code="invalid_value"
        )
    if request.stream_format == "sse":
        raise Refused(
            "This model streams sound only, not events.",
            param="stream_format",
            code="unsupported_value",
        )


def _send(reply: Reply, data: bytes) -> None:
    for start in range(0, len(data), PIECE):
        reply.chunk(data[start : start + PIECE])


def load() -> SpeechEngine:
    """Load the voice and say a word, which also loads its dictionary."""
    from hibari import Hibari

    voice = Hibari()
    voice("Ready.")
    return SpeechEngine(voice)

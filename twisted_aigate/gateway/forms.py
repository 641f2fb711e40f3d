"""
From a form of OpenAI's API to a call.

A field of a form is text: those that the gateway reads, and those whose type every provider agrees
on, are checked; all of them travel on as they came, as the files do.
Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec
from attrs import frozen
from msgspec import Struct

from twisted_aigate.gateway.calls import FormCall, Task, Upload
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.models import Compression, Count, NonEmpty, PartialImages, Temperature
from twisted_aigate.gateway.requests import forwarded_headers, no_model

FormFields = Sequence[tuple[str, str]]


class FormRequest(Struct, kw_only=True):
    """What every form has."""

    model: NonEmpty | None = None
    mock_response: str | None = None


class TranslationForm(FormRequest, kw_only=True):
    """C{POST /audio/translations}."""

    temperature: Temperature | None = None


class TranscriptionForm(TranslationForm, kw_only=True):
    """C{POST /audio/transcriptions}."""

    stream: bool | None = None


class ImageVariationForm(FormRequest, kw_only=True):
    """C{POST /images/variations}."""

    n: Count | None = None


class ImageEditForm(ImageVariationForm, kw_only=True):
    """C{POST /images/edits}."""

    prompt: NonEmpty
    stream: bool | None = None
    output_compression: Compression | None = None
    partial_images: PartialImages | None = None


@frozen
class FormKind:
    """
    A form.

    @ivar request: Its fields.
    @ivar files: The names of which there must be a file.
    """

    request: type[FormRequest]
    files: tuple[str, ...]


FORMS = {
    Task.TRANSCRIPTION: FormKind(TranscriptionForm, ("file",)),
    Task.TRANSLATION: FormKind(TranslationForm, ("file",)),
    Task.IMAGE_EDIT: FormKind(ImageEditForm, ("image", "image[]")),
    Task.IMAGE_VARIATION: FormKind(ImageVariationForm, ("image",)),
}
"""Each call whose request is a form."""

_HEADERS = "extra_headers"
_HEADER = re.compile(rf"{_HEADERS}\[([^\]]*)\]")
_OURS = ("model", "mock_response", _HEADERS)
_MISSING = re.compile(r"missing required field `([^`]+)`")
_headers_decoder = msgspec.json.Decoder(dict[str, str])


def form_call(
    task: Task,
    fields: FormFields,
    uploads: Iterable[Upload],
    default: Callable[[], str] = no_model,
) -> FormCall:
    """
    A call of a form.

    @param fields: The form's fields beside the files.
    @param uploads: The files.
    @param default: Tells the model to call when the form names none.
    @raise GatewayError: 400: it cannot be a call.
    """
    kind = FORMS[task]
    uploads = tuple(uploads)
    if not any(upload.name in kind.files for upload in uploads):
        raise _missing(kind.files[0])
    request = _checked(fields, kind.request)
    return FormCall(
        task,
        request.model or default(),
        tuple(each for each in fields if each[0] not in _OURS and not _HEADER.fullmatch(each[0])),
        uploads,
        bool(getattr(request, "stream", False)),
        forwarded_headers(_extra_headers(fields)),
        request.mock_response,
    )


def _missing(name: str) -> GatewayError:
    return GatewayError(400, f"Missing required parameter: '{name}'.", param=name)


def _checked(fields: FormFields, kind: type[FormRequest]) -> FormRequest:
    # An empty field is how a form says nothing.
    values = {name: value for name, value in fields if value}
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        missing = _MISSING.search(str(error))
        if missing is not None:
            raise _missing(missing[1]) from None
        said, _, place = str(error).partition(" - at `$.")
        name = place.rstrip("`")
        raise GatewayError(400, f"Invalid value for '{name}': {said}.", param=name) from None


def _extra_headers(fields: FormFields) -> dict[str, str]:
    """Those that are there as one JSON object, or a field each, as OpenAI's clients write it."""
    headers: dict[str, str] = {}
    for name, value in fields:
        if name == _HEADERS:
            try:
                headers.update(_headers_decoder.decode(value))
            except msgspec.MsgspecError as error:
                raise GatewayError(400, f"{_HEADERS}: {error}.", param=_HEADERS) from None
        elif (found := _HEADER.fullmatch(name)) is not None:
            headers[found[1]] = value
    return headers

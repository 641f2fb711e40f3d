"""Pictures and speech that the gateway's models make, kept where they can be fetched."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from twisted_aigate.http_client.guarded import FetchFailed, GuardedFetch
from twisted_aigate.interfaces import Posts, ToolContext, ToolError, Uploads
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import MB, SECOND
from twisted_aigate.mcp.own.asking import ask
from twisted_aigate.toolbox import Toolbox

_MOST_PICTURE = 50 * MB
_FETCH_TIMEOUT = 60 * SECOND
_SIGNATURES = (
    (b"\x89PNG", "image/png", "png"),
    (b"\xff\xd8", "image/jpeg", "jpg"),
    (b"RIFF", "image/webp", "webp"),
)
_SOUNDS = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
}


class GenerateImage(Struct, forbid_unknown_fields=True):
    """
    The arguments of C{generate_image}.

    @ivar prompt: What is to be seen.
    @ivar model: The model that makes it; the configured one when it is not given.
    @ivar size: Such as 1024x1024.
    @ivar quality: As the model knows it, such as low or high.
    @ivar n: How many.
    """

    prompt: Annotated[str, Meta(min_length=1)]
    model: str | None = None
    size: str | None = None
    quality: str | None = None
    n: Annotated[int, Meta(ge=1, le=10)] = 1


class Pictures(Struct):
    """
    What C{generate_image} answers.

    @ivar urls: Where the pictures are.
    """

    urls: list[str]
    model: str


class GenerateSpeech(Struct, forbid_unknown_fields=True):
    """
    The arguments of C{generate_tts}.

    @ivar text: What is to be said.
    @ivar model: The model that says it; the configured one when it is not given.
    @ivar voice: As the model knows it.
    @ivar response_format: How the sound is encoded.
    @ivar speed: 1 is as it is usual.
    """

    text: Annotated[str, Meta(min_length=1)]
    model: str | None = None
    voice: str | None = None
    response_format: Literal["mp3", "wav", "opus", "flac", "aac"] = "mp3"
    speed: Annotated[float, Meta(gt=0)] | None = None


class Speech(Struct):
    """
    What C{generate_tts} answers.

    @ivar url: Where the sound is.
    @ivar size: Bytes.
    """

    url: str
    content_type: str
    size: int
    model: str


class _Picture(Struct):
    b64_json: str | None = None
    url: str | None = None


class _Pictures(Struct):
    data: list[_Picture]


_pictures = msgspec.json.Decoder(_Pictures)


class Media:
    """
    Makes pictures and speech.

    @param posts: The gateway.
    @param uploads: Where they are kept.
    @param fetch: Fetches pictures that a provider keeps itself.
    @param threads: Where large texts are decoded.
    @param image_model: The model that makes pictures when none is named; C{None}: one must be.
    @param speech_model: The same for speech.
    """

    def __init__(
        self,
        posts: Posts,
        uploads: Uploads,
        fetch: GuardedFetch,
        threads: Threads,
        image_model: str | None,
        speech_model: str | None,
    ) -> None:
        self._posts = posts
        self._uploads = uploads
        self._fetch = fetch
        self._threads = threads
        self._image_model = image_model
        self._speech_model = speech_model

    def add_to(self, tools: Toolbox) -> None:
        """Add its tools."""
        tools.add(
            "generate_image", "Make a picture of a description; the answer is its URL.",
            GenerateImage, self._image, Pictures, openWorldHint=True,
        )  # fmt: skip
        tools.add(
            "generate_tts", "Have a text said aloud; the answer is the sound's URL.",
            GenerateSpeech, self._speech, Speech, openWorldHint=True,
        )  # fmt: skip

    async def _image(self, asked: GenerateImage, context: ToolContext) -> Pictures:
        model = _model(asked.model, self._image_model, "MCP_IMAGE_MODEL")
        request: dict[str, Any] = {
            "model": model,
            "prompt": asked.prompt,
            "n": asked.n,
            "size": asked.size,
            "quality": asked.quality,
        }
        answer = await ask(self._posts, "/images/generations", request, context)
        try:
            made = (await self._threads.run(_pictures.decode, answer)).data
        except msgspec.DecodeError:
            made = []
        urls = [await self._kept(picture, context) for picture in made]
        if not urls:
            raise ToolError("The model has made no picture.")
        return Pictures(urls, model)

    async def _kept(self, picture: _Picture, context: ToolContext) -> str:
        if picture.b64_json is not None:
            try:
                data = await self._threads.run(b64decode, picture.b64_json)
            except ValueError:
                raise ToolError("The model has answered with what is no picture.") from None
        else:
            try:
                data = await self._fetch.fetch(picture.url or "", _MOST_PICTURE, _FETCH_TIMEOUT)
            except FetchFailed as error:
                raise ToolError(f"The picture cannot be fetched: {error}.") from None
        kind, ending = next(
            ((kind, ending) for begin, kind, ending in _SIGNATURES if data.startswith(begin)),
            ("application/octet-stream", "bin"),
        )
        name = f"generated/{new_id()}.{ending}"
        return await self._uploads.keep(data, name, kind, context.base_url)

    async def _speech(self, asked: GenerateSpeech, context: ToolContext) -> Speech:
        model = _model(asked.model, self._speech_model, "MCP_TTS_MODEL")
        request = {
            "model": model,
            "input": asked.text,
            "voice": asked.voice,
            "response_format": asked.response_format,
            "speed": asked.speed,
        }
        data = await ask(self._posts, "/audio/speech", request, context)
        kind = _SOUNDS[asked.response_format]
        name = f"generated/{new_id()}.{asked.response_format}"
        url = await self._uploads.keep(data, name, kind, context.base_url)
        return Speech(url, kind, len(data), model)


def _model(asked: str | None, usual: str | None, variable: str) -> str:
    model = asked or usual
    if model is None:
        raise ToolError(f"Name a model: none is configured ({variable}).")
    return model

"""
Images that are made: OpenAI's request and answer, over the Gemini API's models for them.

Source: https://ai.google.dev/gemini-api/docs/image-generation
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
from msgspec import Struct
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.calls import Call
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.exchange import Exchange
from twisted_aigate.gateway.providers.chats.models import decoded
from twisted_aigate.gateway.providers.gemini.outcome import (
    PromptFeedback,
    UsageMetadata,
    blocked,
    finish_reason,
)
from twisted_aigate.gateway.providers.gemini.request import target_of
from twisted_aigate.gateway.providers.parameters import Fields, unsupported

_RATIOS = {
    f"{width}:{height}": width / height
    for width, height in ((1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (9, 16), (16, 9), (21, 9))
}
_NEAR_ENOUGH = math.log(1.08)
"""How far a size's ratio may be from one of the API's: 1792x1024 is a 16:9, 1536x1024 is not."""

_LARGER = ((2_200_000, None), (9_000_000, "2K"), (36_000_000, "4K"))
"""The most pixels of C{imageSize}s; the smallest needs no word, which not all models know."""

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_TRANSLATED = ("model", "prompt", "size")
_OPENAI = frozenset(
    (
        "background", "moderation", "n", "output_compression", "output_format", "partial_images",
        "quality", "response_format", "style", "stream",
    )
)  # fmt: skip
_WITHOUT_MEANING = ("user", "safety_identifier")
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "background": ("auto",),
    "moderation": ("auto",),
    "n": (1,),
    "partial_images": (0,),
    "quality": ("auto",),
    "response_format": ("b64_json",),
    "stream": (False,),
}
"""Values that ask for what happens anyway."""


class _Request(Struct):
    prompt: str
    size: str | None = None


class _Data(Struct, rename="camel"):
    data: str
    mime_type: str = ""


class _Part(Struct, rename="camel"):
    inline_data: _Data | None = None
    thought: bool = False


class _Content(Struct):
    parts: list[_Part] = []


class _Candidate(Struct, rename="camel"):
    content: _Content = msgspec.field(default_factory=_Content)
    finish_reason: str | None = None
    finish_message: str | None = None

    @property
    def images(self) -> list[_Data]:
        """Those that are the answer: a model may draw while it thinks."""
        parts = (part for part in self.content.parts if not part.thought)
        return [part.inline_data for part in parts if part.inline_data is not None]


class _Response(Struct, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None


_requests = msgspec.json.Decoder(_Request)
_responses = msgspec.json.Decoder(_Response)


def image_exchange(clock: IReactorTime, deployment: Deployment, call: Call) -> Exchange:
    """
    See L{twisted_aigate.gateway.providers.chats.exchange.Translate}.

    @param clock: Tells when the images were made (Unix time).
    """
    wanted = decoded(_requests, call.body_for(call.model))
    own = _own_fields(deployment, call)
    config: dict[str, object] = {"responseModalities": ["IMAGE"]}
    image = _image_config(deployment, wanted.size)
    if image:
        config["imageConfig"] = image
    body: dict[str, object] = {
        "contents": [{"role": "user", "parts": [{"text": wanted.prompt}]}],
        "generationConfig": config,
        **own,
    }
    return Exchange(
        target_of(deployment, "generateContent"),
        body,
        lambda said: _answer(deployment, said, int(clock.seconds())),
    )


def _own_fields(deployment: Deployment, call: Call) -> Fields:
    own: Fields = {}
    for name, value in call.fields.items():
        if name in _TRANSLATED or name in _WITHOUT_MEANING or name in deployment.drop_parameters:
            continue
        # Whoever wants events cannot read an answer without.
        dropped = deployment.drop_params and name != "stream"
        if name in _OPENAI:
            neutral = msgspec.json.decode(value) in (None, *_NEUTRAL.get(name, ()))
            if not (neutral or dropped):
                raise unsupported(deployment, name)
        elif not dropped:
            own[name] = value
    return own


def _image_config(deployment: Deployment, size: str | None) -> dict[str, str]:
    if size in (None, "auto") or "size" in deployment.drop_parameters:
        return {}
    found = _SIZE.fullmatch(size or "")
    if found is None:
        raise GatewayError(400, "size must be 'auto', or such as '1024x1024'.", param="size")
    width, height = int(found[1]), int(found[2])
    ratio = min(_RATIOS, key=lambda each: _distance(width / height, each))
    larger = [name for most, name in _LARGER if width * height <= most]
    if _distance(width / height, ratio) > _NEAR_ENOUGH or not larger:
        if deployment.drop_params:
            return {}
        raise GatewayError(
            400,
            f"{deployment.provider} makes no images of the size {size}; their ratios are"
            f" {', '.join(_RATIOS)}.",
            param="size",
        )
    return {"aspectRatio": ratio, **({"imageSize": larger[0]} if larger[0] else {})}


def _distance(ratio: float, name: str) -> float:
    return abs(math.log(ratio / _RATIOS[name]))


def _answer(deployment: Deployment, body: bytes, created: int) -> bytes:
    said = _responses.decode(body)
    images = [image for each in said.candidates for image in each.images]
    if not images:
        raise _without_images(deployment, said)
    answer: dict[str, object] = {
        "created": created,
        "data": [{"b64_json": image.data} for image in images],
    }
    kind = images[0].mime_type.removeprefix("image/")
    if kind in ("png", "jpeg", "webp"):
        answer["output_format"] = kind
    if said.usage_metadata is not None:
        answer["usage"] = _usage(said.usage_metadata)
    return msgspec.json.encode(answer)


def _usage(said: UsageMetadata) -> dict[str, object]:
    taken = said.prompt_token_count
    made = said.candidates_token_count + (said.thoughts_token_count or 0)
    return {
        "input_tokens": taken,
        "input_tokens_details": {"text_tokens": taken, "image_tokens": 0},
        "output_tokens": made,
        "total_tokens": taken + made,
    }


def _without_images(deployment: Deployment, said: _Response) -> GatewayError:
    if said.prompt_feedback is not None:
        return blocked(deployment, said.prompt_feedback)
    candidate = said.candidates[0] if said.candidates else _Candidate()
    why = candidate.finish_message or candidate.finish_reason or "no reason given"
    message = f"{deployment.provider}: No image was made: {why}."
    if finish_reason(candidate.finish_reason, called=False) == "content_filter":
        return GatewayError(400, message, code="content_policy_violation")
    return GatewayError(502, message, code="bad_answer")
